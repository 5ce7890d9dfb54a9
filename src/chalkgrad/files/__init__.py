"""Files: atomic writing, npy arrays, TOML, the container of checkpoints."""
