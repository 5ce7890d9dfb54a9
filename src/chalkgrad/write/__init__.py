"""A network written out as code that stands alone: a NumPy script, a PyTorch script."""
