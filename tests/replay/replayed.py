"""The replays, each made once for all tests; with PyTorch on one thread, as several wait for each other."""

from __future__ import annotations

import importlib
from functools import cache
from importlib.util import find_spec

from chalkgrad.replay import Replay, replay

TORCH = find_spec("torch") is not None


@cache
def short(name: str) -> Replay:
    """A replay without the long trainings of 000."""
    if TORCH:
        importlib.import_module("torch").set_num_threads(1)
    return replay(name, long=False)


@cache
def whole(name: str) -> Replay:
    """A replay with all its trainings; only 000 has long ones."""
    return replay(name) if name == "000" else short(name)
