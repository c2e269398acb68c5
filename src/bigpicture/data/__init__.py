"""Training and benchmark data: folders of pictures as pairs and batches."""
