"""The worked examples that the replays go through, from the TOML files beside this module."""

from __future__ import annotations

import tomllib
from importlib.resources import files

from ..errors import unknown
from ..example import Example, example

FOLDER = "examples"


def names() -> tuple[str, ...]:
    """The worked examples that there are."""
    folder = files("chalkgrad.replay") / FOLDER
    return tuple(sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")))


def worked(name: str) -> Example:
    """The worked example of this name.

    Raises:
        UnknownNameError: where there is none; it suggests the nearest.
    """
    if name not in names():
        raise unknown("worked example", name, names())
    text = (files("chalkgrad.replay") / FOLDER / f"{name}.toml").read_text("utf-8")
    return example(tomllib.loads(text), f"{name}.toml")
