"""The compiled engine under sanitizers (.ci/run sets them): nothing reads or writes where it should not, no two threads
write and read the same place without waiting for each other."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from test_compiled import OPTIMIZERS, few, larger, small_limits
from test_zeros import Sparse, sparse

import chalkgrad as cg
from networks import networks

pytestmark = [
    pytest.mark.skipif("CHALKGRAD_SANITIZED" not in os.environ, reason="CHALKGRAD_SANITIZED is not set"),
    pytest.mark.filterwarnings("ignore:the loss grew:RuntimeWarning"),  # random networks may explode alike
]


def run(net: cg.Network, x: np.ndarray | cg.data.Pixels, y: np.ndarray, optimizer: cg.Optimizer, batch: int) -> None:
    net.fit(x, y, optimizer=optimizer, batch_size=batch, max_steps=3, engine="compiled")
    net.evaluate(x, y, engine="compiled")


@seed(1)
@few
@given(networks(), st.sampled_from(OPTIMIZERS))
def test_small_networks(drawn: tuple[cg.Network, np.ndarray, np.ndarray], optimizer: cg.Optimizer) -> None:
    net, x, y = drawn
    run(net, x, y, optimizer, 2)


@pytest.mark.parametrize("small", [False, True])
def test_larger_networks(monkeypatch: pytest.MonkeyPatch, small: bool) -> None:
    if small:
        small_limits(monkeypatch)

    @seed(2 + small)
    @settings(few, max_examples=10)
    @given(larger(), st.sampled_from(OPTIMIZERS))
    def check(drawn: tuple[cg.Network, np.ndarray, np.ndarray, int], optimizer: cg.Optimizer) -> None:
        net, x, y, batch = drawn
        run(net, x, y, optimizer, batch)

    check()


@seed(4)
@few
@given(sparse(), st.integers(1, 3))
def test_zeros(drawn: Sparse, threads: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHALKGRAD_THREADS", str(threads))
        if drawn.small:
            small_limits(patch)
            patch.setenv("CHALKGRAD_THREADS", str(threads))
        run(drawn.net, drawn.x, drawn.y, drawn.optimizer, drawn.batch)


@pytest.mark.parametrize("count", [37, 1500])
def test_bytes(count: int) -> None:
    """1,500 samples are predicted in two batches of different sizes."""
    rng = np.random.default_rng(6)
    pixels, y = cg.data.Pixels(rng.integers(0, 256, (count, 1, 11, 9), dtype=np.uint8)), rng.integers(0, 3, count)
    pixels.stored[:, :, rng.random((11, 9)) < 0.5] = 0  # what products skip is read from bytes too
    for first in (cg.Conv2D(8, 3), cg.Flatten()):
        layers = [first, cg.ReLU(), cg.Flatten(), cg.Dense(3), cg.Softmax()]
        run(cg.Network(layers, input_shape=(1, 11, 9), loss="CrossEntropy"), pixels, y, cg.SGD(), 16)
