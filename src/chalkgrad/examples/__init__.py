"""Worked examples: a network, its numbers and some updates, as a small TOML file; some come with chalkgrad."""
