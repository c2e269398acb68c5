"""Files ⇄ networks: the file is enough, and nothing in it is executed."""
