"""Operators that see the whole picture, each in two halves: gather, then apply."""
