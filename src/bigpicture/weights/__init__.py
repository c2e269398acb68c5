"""Loading networks from weight files alone, without executing their content, and saving them."""
