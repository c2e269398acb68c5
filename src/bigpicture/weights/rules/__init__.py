"""Our keys → settings, a file for each backbone and head."""
