"""The fast engine: prints a program as C, compiles what it printed, and calls it."""
