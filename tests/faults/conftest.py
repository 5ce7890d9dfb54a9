"""Figures of the suite of faults, for docs/reliability.md."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def record() -> Callable[[str, str, int, str], None]:
    """Keeps a figure for docs/reliability.md, where the long form asks for them."""

    def keep(area: str, fault: str, trials: int, outcome: str) -> None:
        place = os.environ.get("CHALKGRAD_FAULTS_FIGURES")
        if place:
            with Path(place).open("a", encoding="utf-8") as file:
                file.write(json.dumps([area, fault, trials, outcome]) + "\n")

    return keep
