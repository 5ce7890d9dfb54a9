"""What a seed is: a number that TOML and every generator hold."""

SEEDS = 2**63
"""How many seeds there are: 0 to SEEDS - 1."""
A_SEED = "a whole number from 0 to 2**63 - 1"
"""The same in the words of an error."""
