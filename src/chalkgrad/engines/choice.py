"""The choice of an engine: the one that was asked for, or the one that the work is worth."""

from __future__ import annotations

from ..base.checks import choice

ENGINES = ("auto", "numpy", "compiled")


def compiled_wanted(owner: str, engine: str, seconds: float, worth: float) -> bool:
    """Whether the compiled engine is to be used.

    Args:
        owner: the caller, for messages.
        engine: "auto", "numpy" or "compiled".
        seconds: about the time that the reference engine would take.
        worth: the time from which compiling is worth it.

    Raises:
        OptionError: where the engine is not known.
    """
    choice(owner, "engine", engine, ENGINES)
    return engine == "compiled" or (engine == "auto" and seconds >= worth)
