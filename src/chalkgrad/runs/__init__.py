"""What the command line keeps of a training: a directory with network, settings, logs and pictures."""
