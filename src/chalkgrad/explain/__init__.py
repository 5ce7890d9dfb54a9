"""Looking into a pass: every named value of it."""
