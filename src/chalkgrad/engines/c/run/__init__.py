"""Last stage: C compiled, kept, and called, for trainings and predictions."""
