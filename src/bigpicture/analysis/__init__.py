"""Analysis of networks: their costs, which pixels they use, and what their operators look at."""
