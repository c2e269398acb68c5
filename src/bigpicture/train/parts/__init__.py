"""The parts of a recipe: one table of its TOML file each."""
