"""Training: from a recipe to weights."""
