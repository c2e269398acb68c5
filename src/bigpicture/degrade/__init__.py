"""High-resolution picture in, low-resolution picture out: draw at random, then apply."""
