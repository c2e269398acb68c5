"""A recipe in, weights out."""
