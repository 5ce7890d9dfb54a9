"""The reference engine: the rules themselves, on NumPy arrays."""
