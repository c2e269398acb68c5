"""Rules that derive settings from our keys, one file per backbone and head."""
