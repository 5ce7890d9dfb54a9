"""Exercises made from worked examples: fresh numbers, blanks, a solution; and the grading of what comes back."""

from .exercise import Blank
from .grading import Grading, grade
from .outcome import Mark
from .worksheet import Worksheet, make_worksheet, read_worksheet

__all__ = ["Blank", "Grading", "Mark", "Worksheet", "grade", "make_worksheet", "read_worksheet"]
