"""The one idea: a network is a list of named steps that can be read."""

from __future__ import annotations

from .program import PARTS, Program, Step, formula_of
from .value import Owner, Role, Value

__all__ = ["PARTS", "Owner", "Program", "Role", "Step", "Value", "formula_of"]
