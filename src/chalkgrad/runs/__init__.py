"""A training as the command line keeps it: a directory with network, settings, logs and pictures."""
