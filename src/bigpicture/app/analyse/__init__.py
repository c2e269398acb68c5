"""`bigpicture analyse`, a command a file: what networks cost, use and look at."""
