"""All tests here are against PyTorch; it computes on one thread: in products as small as these, several would wait."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = str(Path(__file__).parent) + os.sep
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.torch)


if importlib.util.find_spec("torch"):
    import torch

    torch.set_num_threads(1)
