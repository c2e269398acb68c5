"""Arithmetic that operators and layers are made of: the usual results, in less time or memory."""
