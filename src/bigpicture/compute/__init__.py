"""Building blocks of operators and layers: the usual results, in less time or memory."""
