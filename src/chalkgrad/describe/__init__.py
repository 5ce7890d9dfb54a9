"""What a user writes to describe a network and its training: layers, losses, optimizers, schedules, initializers."""

from . import initializers

__all__ = ["initializers"]
