"""Sweeps: trainings with many settings and seeds, and the table of what came of them."""
