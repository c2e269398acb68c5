"""Backbones, which map pictures to features of the same size: (b, 3, h, w) → (b, c, h, w)."""
