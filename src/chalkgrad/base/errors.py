"""The exceptions of chalkgrad, all under `ChalkgradError`, and the nearest-name suggestion they share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ChalkgradError(Exception):
    """Base of every error that chalkgrad raises on purpose."""


class ShapeError(ChalkgradError, ValueError):
    """An array or a layer has a shape that does not fit; the message names both shapes and the cure."""


class OneShapeError(ShapeError):
    """Of the values that a layer takes, one has a shape that does not fit, whatever the others are.

    Args:
        text: the message.
        source: which one it is, from 0.
    """

    def __init__(self, text: str, source: int = 0) -> None:
        super().__init__(text)
        self.source = source


class OptionError(ChalkgradError, ValueError):
    """A setting's value is invalid."""


class UnknownNameError(ChalkgradError, KeyError):
    """A name that is not known; the message suggests the nearest one that is."""

    def __str__(self) -> str:  # KeyError prints the repr of its message
        return str(self.args[0]) if self.args else ""


class DataError(ChalkgradError, ValueError):
    """A data file or data array is missing, damaged or not what it says it is."""


class DataWarning(UserWarning):
    """Data can be read, but are likely to be trained on with a loss: digits that a dtype cannot hold, say."""


class CheckpointError(ChalkgradError, ValueError):
    """A saved network is missing, damaged or does not fit."""


class FormulaError(ChalkgradError, ValueError):
    """A rule's index formula cannot be read, or does not agree with its function or its arrays."""


class NotFiniteError(ChalkgradError, ArithmeticError):
    """A NaN or an infinity appeared where a number belongs; the message says in which value."""


def nearest(name: object, known: Iterable[str]) -> str:
    """The end of a sentence that says which known name was probably meant, or lists them all."""
    names = [str(k) for k in known]
    by_lower = {k.lower(): k for k in names}
    begun = [k for k in by_lower if len(str(name)) > 2 and k.startswith(str(name).lower())]  # acc for accuracy
    close = begun if len(begun) == 1 else difflib.get_close_matches(str(name).lower(), by_lower, n=1, cutoff=0.6)
    if close:
        return f"did you mean {by_lower[close[0]]!r}?"
    return "known: " + ", ".join(names) if names else "none are known"


def unknown(kind: str, name: object, known: Iterable[str]) -> UnknownNameError:
    """An `UnknownNameError` for `name`, with the nearest of the `known` names suggested."""
    return UnknownNameError(f"there is no {kind} {name!r}; {nearest(name, known)}")
