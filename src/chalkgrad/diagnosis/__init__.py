"""Diagnosis: which term of a hand-derived gradient is wrong, found by putting the usual mistakes into the program."""

from .search import Cause, Diagnosis, Finding, diagnose

__all__ = ["Cause", "Diagnosis", "Finding", "diagnose"]
