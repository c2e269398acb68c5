"""Model × benchmark in, table out: every score with its protocol and each picture's own."""
