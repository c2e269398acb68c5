"""Metrics of picture quality, and the protocols under which pictures are compared."""
