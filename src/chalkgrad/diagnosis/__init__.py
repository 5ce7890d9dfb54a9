"""Diagnosis: which term of a hand-derived gradient is wrong, found by putting the usual mistakes into the program."""

from .diagnosis import Diagnosis
from .doors import diagnose
from .result import Cause, Finding

__all__ = ["Cause", "Diagnosis", "Finding", "diagnose"]
