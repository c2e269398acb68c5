"""Layers with a local receptive field."""
