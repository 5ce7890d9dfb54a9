"""A network as a PyTorch module and script."""
