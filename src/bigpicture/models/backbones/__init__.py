"""Pictures become features at their size: (b, 3, h, w) → (b, c, h, w)."""
