"""An exception may strike anywhere in a training: weights, optimizer and counts are those of one and the same step."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.engines.c.run.compiler import available
from chalkgrad.train.fit import Fit

MODULES = ("train/loop.py", "train/state.py", "train/buffers.py", "train/sharded_steps.py", "numpy/steps.py",
           "c/run/training.py")  # fmt: skip
ENDS = ("_finish", "hand_over", "write_back", "count", "release", "close", "go_back", "lost")
"""These bring a training to its end: a test that raises in them would look for what they had not yet done."""
ENGINES = [
    pytest.param({"engine": "numpy"}, id="numpy"),
    pytest.param({"shards": 2}, id="shards"),
    pytest.param(
        {"engine": "compiled"}, id="compiled", marks=pytest.mark.skipif(not available(), reason="no compiler")
    ),
]
Outcome = tuple[np.ndarray, dict[str, np.ndarray]]


class Strike:
    """Raises at the line of a training that has this number, counted over all modules that move it on."""

    def __init__(self, line: int) -> None:
        self.line, self.seen, self.struck = line, 0, False

    def __call__(self, frame: FrameType, event: str, _: Any) -> Strike | None:
        if self.struck or not frame.f_code.co_filename.endswith(MODULES) or frame.f_code.co_name in ENDS:
            return None
        if event == "line" and in_loop(frame):
            if self.seen == self.line:
                self.struck = True
                raise KeyboardInterrupt
            self.seen += 1
        return self


def in_loop(frame: FrameType | None) -> bool:
    """Whether the loop has begun."""
    while frame is not None:
        if frame.f_code.co_name == "run" and frame.f_code.co_filename.endswith("loop.py"):
            return True
        frame = frame.f_back
    return False


def trained(engine: dict[str, Any], max_steps: int) -> tuple[cg.Network, Fit]:
    net = cg.Network([cg.Dense(3), cg.Tanh(), cg.Dense(2), cg.Softmax()], input_shape=2, loss="CrossEntropy", seed=1)
    rng = np.random.default_rng(0)
    x = rng.random((6, 2))
    settings = {"optimizer": cg.Adam(0.1), "batch_size": 3, "max_steps": max_steps, "epochs": 2, **engine}
    return net, Fit(net, x, (x[:, 0] > x[:, 1]).astype(int), **settings)


def outcome(net: cg.Network) -> Outcome:
    assert net.optimizer_state is not None
    return net.flat.copy(), {name: array.copy() for name, array in net.optimizer_state.arrays.items()}


@pytest.mark.long
@pytest.mark.parametrize("engine", ENGINES)
def test_every_line_of_a_training(engine: dict[str, Any]) -> None:
    steps, expected = 3, dict[int, Outcome]()
    for count in range(1, steps + 1):
        net, fit = trained(engine, count)
        first = net.flat.copy()
        fit.run()
        expected[count] = outcome(net)
    expected[0] = first, {name: np.zeros_like(array) for name, array in expected[1][1].items()}
    found = set()
    for line in range(10_000):
        net, fit = trained(engine, steps)
        strike, before = Strike(line), sys.gettrace()
        sys.settrace(strike)
        try:
            fit.run()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        if not strike.struck:
            break
        updates = fit.history.steps
        assert net.steps_taken == updates, line
        assert net.optimizer_state is not None, line
        assert net.optimizer_state.steps == updates, line
        flat, arrays = outcome(net)
        np.testing.assert_array_equal(flat, expected[updates][0], err_msg=f"line {line}, after {updates} updates")
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, expected[updates][1][name], err_msg=f"{name}, line {line}")
        found.add(updates)
    assert line > 50
    assert found >= {0, steps}
