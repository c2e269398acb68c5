"""`bigpicture analyse`, one command per file: what networks cost, use and look at."""
