"""The one idea: a network is a list of named steps that can be read."""

from __future__ import annotations

from .program import PARTS, Program, Step

__all__ = ["PARTS", "Program", "Step"]
