"""Work on many items at once: by processes of this machine, or by a Ray cluster."""
