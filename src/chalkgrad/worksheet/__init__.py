"""Exercises made from worked examples: fresh numbers, blanks, a solution; and the grading of what comes back."""

from .grading import Grading, Mark, grade
from .worksheet import Blank, Worksheet, make_worksheet, read_worksheet

__all__ = ["Blank", "Grading", "Mark", "Worksheet", "grade", "make_worksheet", "read_worksheet"]
