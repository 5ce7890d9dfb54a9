"""Predictions of a few samples: parameters are read where they lie, and the bits are those of many samples."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.engines.c.run.compiler import available
from chalkgrad.engines.room import BEYOND, readable, roomy
from chalkgrad.engines.work import AT_HAND

pytestmark = pytest.mark.skipif(not available(), reason="there is no C compiler")
RNG = np.random.default_rng(0)
MANY = 70
NETWORKS: dict[str, tuple[Any, tuple[int, ...], list[cg.Layer]]] = {
    "dense": ("float32", (70,), [cg.Dense(83), cg.ReLU(), cg.Dense(7), cg.Softmax()]),
    "normalised": ("float64", (33,), [cg.Dense(40), cg.BatchNorm(), cg.Tanh(), cg.Dense(21), cg.Dense(3), cg.Softmax()]),
    "images": ("float32", (2, 9, 9), [cg.Conv2D(16, 3), cg.ReLU(), cg.MaxPool2D(2), cg.Flatten(), cg.Dense(5), cg.Softmax()]),
    "sequences": ("float32", (5, 6), [cg.LSTM(24), cg.Dense(4), cg.Softmax()]),
}  # fmt: skip


def made(kind: str) -> tuple[cg.Network, np.ndarray]:
    dtype, shape, layers = NETWORKS[kind]
    net = cg.Network(layers, input_shape=shape, loss="CrossEntropy", dtype=dtype, seed=3)
    return net, RNG.standard_normal((MANY, *shape)).astype(dtype)


@pytest.mark.parametrize("kind", NETWORKS)
def test_few_have_the_bits_of_many(kind: str) -> None:
    net, x = made(kind)
    expected = net.predict(x, engine="compiled")
    for count in (1, 3, AT_HAND):
        assert net.predict(x[:count], engine="compiled").tobytes() == expected[:count].tobytes()
    assert net.predict(x[9:1:-3], engine="compiled").tobytes() == expected[9:1:-3].tobytes()
    np.testing.assert_allclose(expected, net.predict(x, engine="numpy"), atol=1e-5)


def test_changed_parameters_are_seen_wherever_they_lie() -> None:
    net, x = made("normalised")
    y = RNG.integers(0, 3, MANY)
    first = net.predict(x[:2], engine="compiled")
    net.fit(x, y, epochs=2)  # running averages too
    net.parameters["W1"][3] *= 2
    net.parameters["b4"][...] = 1
    for twin in (net, pickle.loads(pickle.dumps(net)), net.copy()):
        assert not np.allclose(first, twin.predict(x[:2], engine="compiled"))
        for _ in range(2):
            seen = twin.predict(x[:2], engine="compiled")
            np.testing.assert_allclose(seen, twin.predict(x[:2], engine="numpy"), rtol=1e-12)
            twin.parameters["W3"][...] *= 0.5
            twin.set_parameters({name: state + 0.1 for name, state in twin.states.items()})
    one, many = net.evaluate(x[:5], y[:5], engine="compiled"), net.evaluate(x[:5], y[:5], engine="numpy")
    assert one.loss == pytest.approx(many.loss, rel=1e-12)


def test_bytes_ids_and_threads() -> None:
    images = cg.data.Pixels(RNG.integers(0, 256, (4, 30), dtype=np.uint8))
    net = cg.Network([cg.Dense(40), cg.Dense(3), cg.Softmax()], input_shape=30, loss="CrossEntropy")
    by_bytes, by_numbers = (net.predict(x, engine="compiled") for x in (images, np.asarray(images)))
    np.testing.assert_allclose(by_bytes, by_numbers, atol=1e-6)
    words = cg.Network([cg.Embedding(9, 6), cg.GRU(5), cg.Dense(3), cg.Softmax()], input_shape=4, loss="CrossEntropy")
    ids = RNG.integers(0, 9, (6, 4))
    np.testing.assert_allclose(words.predict(ids, engine="compiled"), words.predict(ids, engine="numpy"), atol=1e-6)
    rows = RNG.standard_normal((40, 1, 30)).astype(np.float32)
    expected = [net.predict(x, engine="compiled").tobytes() for x in rows]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda x: net.predict(x, engine="compiled").tobytes(), [*rows, *rows])) == expected * 2


def test_room_after_a_value() -> None:
    flat = roomy(10, np.float32)
    real = np.dtype(np.float32)
    assert flat.ctypes.data % 64 == 0
    assert readable(flat, real)
    assert readable(flat[5:10].reshape(5, 1), real)
    assert not readable(np.zeros(10, np.float32), real)
    assert not readable(flat, np.dtype(np.float64))
    assert not readable(flat[::2], real)
    longer = np.zeros(10 + BEYOND, np.float32)
    assert readable(longer[:10], real)
    assert not readable(longer[:11], real)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(wrong: float) -> None:
    net, x = made("dense")
    x[0, 5] = wrong
    with pytest.raises(cg.DataError, match=r"NaN or infinity in 1 of 70 places, first at x\[0, 5\]"):
        net.predict(x[:1], engine="compiled")
    large = np.full((1, 70), 3e38, np.float32)
    assert np.isfinite(large).all()
    net.predict(large, engine="numpy")  # their squares overflow, and that is no reason


@pytest.mark.long
def test_rows_of_local_arrays_are_read_wherever_they_begin() -> None:
    """GCC 12 took the rows of an array on the stack, of 12 numbers, for aligned to vectors, with -O1 in any case."""
    program = """
import chalkgrad as cg, numpy as np
layers = [cg.Conv2D(1, 2), cg.Sigmoid(), cg.Flatten(), cg.Dense(2)]
net = cg.Network(layers, input_shape=(1, 5, 4), loss="SquaredError", dtype="float64", seed=0)
x, y = np.random.default_rng(0).random((3, 1, 5, 4)), np.ones((3, 2))
assert abs(net.evaluate(x, y, engine="compiled").loss - net.evaluate(x, y, engine="numpy").loss) < 1e-12
"""
    environment = {**os.environ, "CHALKGRAD_CFLAGS": f"{os.environ.get('CHALKGRAD_CFLAGS', '')} -O1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
