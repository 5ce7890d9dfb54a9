"""The one idea: a network is a list of named steps that can be read."""

from __future__ import annotations

from .loops import Loop, Segment, segments
from .program import PARTS, Program
from .step import Step, formula_of
from .value import Owner, Role, Value

__all__ = ["PARTS", "Loop", "Owner", "Program", "Role", "Segment", "Step", "Value", "formula_of", "segments"]
