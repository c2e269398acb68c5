"""Degradations that make low-resolution pictures of high ones: drawn at random, then applied."""
