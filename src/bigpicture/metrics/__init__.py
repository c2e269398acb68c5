"""Two pictures in, one number out, under a protocol that says how they were compared."""
