"""The descriptions that a user writes: layers, losses, optimizers, schedules, initializers."""

from . import initializers

__all__ = ["initializers"]
