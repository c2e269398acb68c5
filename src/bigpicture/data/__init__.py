"""Folders of pictures become pairs and batches."""
