"""How much is tried: a short form with the other tests, the long form by `python tests/faults/report.py`."""

from __future__ import annotations

import os

LONG = os.environ.get("CHALKGRAD_FAULTS") == "long"
"""Whether the long form runs."""


def many(short: int, long: int) -> int:
    """A number of trials."""
    return long if LONG else short
