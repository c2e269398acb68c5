"""Heads, which map features to larger pictures: (b, c, h, w) → (b, 3, r·h, r·w)."""
