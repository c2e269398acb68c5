"""Published checkpoints, a file for each release: how to tell it, and its keys as ours."""
