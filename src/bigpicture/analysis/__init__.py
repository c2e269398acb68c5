"""What a network costs, how much of a picture it uses, and what its operators look at."""
