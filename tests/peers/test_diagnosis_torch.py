"""PyTorch's gradients are right, and are never called wrong; `benchmarks/false_alarms.py` tries many more."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")


def test_no_false_alarm_on_gradients_from_pytorch() -> None:
    file = Path(__file__).parent.parent.parent / "benchmarks" / "false_alarms.py"
    spec = importlib.util.spec_from_file_location("false_alarms", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["false_alarms"] = module
    spec.loader.exec_module(module)
    found = module.alarms(24)
    assert len(found) == 9
    assert not any(found.values()), found
