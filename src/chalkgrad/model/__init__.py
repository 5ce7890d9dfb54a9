"""A network as a program with its arrays: layers placed, forward and backward pass written, run, traced, saved."""
