"""Operators that see a window."""
