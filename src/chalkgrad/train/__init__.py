"""Training: the loop, optimizers, schedules, callbacks, recipes."""
