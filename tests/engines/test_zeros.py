"""Products that skip the zeros of samples: the same sums, to the last bit, as those that do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from test_compiled import EXACT, OPTIMIZERS, SINGLE, compare, few, planned_only, small_limits

import chalkgrad as cg
from chalkgrad.engines.c.run import training
from chalkgrad.engines.c.run.compiler import CompilerError, available
from chalkgrad.engines.c.schedule.zeros import mostly_zeros

pytestmark = pytest.mark.skipif(not available(), reason="there is no C compiler")


@dataclass
class Sparse:
    """A training on samples that are mostly zeros; `small` asks for tiles where they are not worth it too."""

    net: cg.Network
    x: np.ndarray | cg.data.Pixels
    y: np.ndarray
    optimizer: cg.Optimizer
    batch: int
    small: bool


@st.composite
def sparse(draw: st.DrawFn) -> Sparse:
    """Dense networks of all widths, samples with more and with fewer zeros, ragged batches of more than one word."""
    shape = draw(st.sampled_from([(7,), (33,), (50,), (128,), (1, 28, 28), (3, 5, 7), (1, 11, 9)]))
    layers: list[cg.Layer] = [cg.Flatten()] if len(shape) > 1 else []
    for _ in range(draw(st.integers(0, 2))):
        layers += [cg.Dense(draw(st.sampled_from([8, 16, 20, 31, 40, 64, 128, 200]))), cg.ReLU()]
    layers += [cg.Dense(7), cg.Softmax()]
    dtype = draw(st.sampled_from(["float32", "float64"]))
    net = cg.Network(layers, input_shape=shape, loss="CrossEntropy", dtype=dtype, seed=draw(st.integers(0, 99)))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    samples = draw(st.integers(4, 150))
    stored = rng.integers(1, 256, (samples, *shape), dtype=np.uint8)
    stored[rng.random(stored.shape) >= draw(st.sampled_from([0.02, 0.1, 0.3, 0.9]))] = 0
    stored[:, rng.random(shape) < draw(st.sampled_from([0, 0.5]))] = 0
    x = cg.data.Pixels(stored, dtype)
    if draw(st.booleans()):
        x = np.asarray(x) * rng.choice([-1, 1], stored.shape).astype(dtype)
    batch = draw(st.sampled_from([1, 4, 7, 32, 33, 64, 100]))
    return Sparse(net, x, rng.integers(0, 7, samples), draw(st.sampled_from(OPTIMIZERS)), batch, draw(st.booleans()))


def trained(drawn: Sparse, skipping: bool, threads: int, patch: pytest.MonkeyPatch) -> cg.Network:
    """A trained twin."""
    patch.setattr(training, "mostly_zeros", lambda x: skipping)
    patch.setenv("CHALKGRAD_THREADS", str(threads))
    net = drawn.net.copy()
    net.fit(drawn.x, drawn.y, optimizer=drawn.optimizer, batch_size=drawn.batch, epochs=2, engine="compiled")
    return net


@pytest.mark.parametrize(
    ("further", "examples"),
    [
        ("", 2),
        pytest.param("", 15, marks=pytest.mark.long),
        *(pytest.param(flags, 5, marks=pytest.mark.long) for flags in ("-march=x86-64-v3", "-march=x86-64")),
    ],
)
def test_the_same_bits(monkeypatch: pytest.MonkeyPatch, further: str, examples: int) -> None:
    import platform

    if further and platform.machine() != "x86_64":
        pytest.skip("flags of another processor")
    monkeypatch.setenv("CHALKGRAD_CFLAGS", f"{further} -Wall -Wextra -Werror")

    @seed(12)
    @settings(few, max_examples=examples)
    @given(sparse(), st.integers(1, 3))
    def check(drawn: Sparse, threads: int) -> None:
        with pytest.MonkeyPatch.context() as patch:
            if drawn.small:
                small_limits(patch)
            one, two = (trained(drawn, skipping, threads, patch) for skipping in (False, True))
        np.testing.assert_array_equal(one.flat, two.flat)
        for name, state in one.states.items():
            np.testing.assert_array_equal(state, two.states[name])

    check()


@seed(13)
@settings(few, max_examples=10)
@given(sparse())
@pytest.mark.long
def test_against_the_reference(drawn: Sparse) -> None:
    double = drawn.net.dtype == np.float64
    optimizer = drawn.optimizer if double else cg.SGD(0.05, momentum=0.9)
    alone = len(drawn.x) % 3 == 0
    compare(drawn.net, drawn.x, drawn.y, optimizer, drawn.batch, EXACT if double else SINGLE, alone=alone)


def planned(monkeypatch: pytest.MonkeyPatch, layers: list[cg.Layer], x: np.ndarray) -> set:
    """What is set by products that skip zeros."""
    plans = planned_only(monkeypatch)
    net = cg.Network([*layers, cg.Dense(10), cg.Softmax()], input_shape=x.shape[1:], loss="CrossEntropy")
    with pytest.raises(CompilerError):
        net.fit(x, np.zeros(len(x), int), batch_size=32, engine="compiled")
    return {name for made in plans for name, chosen in made.products.items() if chosen.skips}


def digits(share: float, *shape: int) -> np.ndarray:
    """Samples of which such a share is not zero."""
    rng = np.random.default_rng(0)
    return rng.random((100, *shape)) * (rng.random((100, *shape)) < share)


def test_which_products_skip_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the samples themselves, where these are mostly zeros."""
    monkeypatch.setenv("CHALKGRAD_THREADS", "2")
    hidden: list[cg.Layer] = [cg.Flatten(), cg.Dense(64), cg.ReLU(), cg.Dense(64), cg.ReLU()]
    image = digits(0.1, 1, 28, 28)
    large = {"z1", "dW1"}
    assert planned(monkeypatch, hidden, image) == large
    assert planned(monkeypatch, hidden[1:], image.reshape(100, 784)) == large
    assert planned(monkeypatch, hidden, digits(0.5, 1, 28, 28)) == set()
    assert planned(monkeypatch, [cg.Conv2D(8, 3), cg.ReLU(), *hidden], image) == set()
    assert planned(monkeypatch, [cg.Flatten()], image) == set()  # 10 outputs: the vectors lie along the samples


def test_numbers_that_are_lost_are_found_in_the_same_step() -> None:
    """A number so large that its product is infinite, in the second batch: engines say the same."""
    x = digits(0.1, 784).astype(np.float32)
    x[70, 5] = 3e38
    said: list[str] = []
    for engine in ("numpy", "compiled"):
        layers = [cg.Dense(64), cg.ReLU(), cg.Dense(10), cg.Softmax()]
        net = cg.Network(layers, input_shape=784, loss="CrossEntropy", seed=1)
        net.set_parameters(W1=40 * net.parameters["W1"])
        with pytest.warns(RuntimeWarning, match=r"z1\[30, \d+\] is infinite .*, in step 2") as caught:
            net.fit(x, np.zeros(100, int), batch_size=40, shuffle=False, engine=engine)
        said.append(str(caught[0].message))
    assert mostly_zeros(x)
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("x", "found"),
    [
        (digits(0.1, 30), True),
        (digits(0.19, 30), True),  # of four numbers one is not zero in 1 - 0.81^4 = 57 %
        (digits(0.25, 30), False),
        (np.ones((100, 30)), False),
        (np.zeros((100, 30)), True),
        (np.zeros((4, 3_000_000), np.uint8), True),
        (np.zeros((3, 30)), False),
        (np.zeros((0, 30)), False),
        (np.zeros((5, 0)), False),
    ],
    ids=["10 %", "19 %", "25 %", "ones", "zeros", "long", "few", "none", "empty"],
)
def test_mostly_zeros(x: np.ndarray, found: bool) -> None:
    assert mostly_zeros(x) is found


def test_the_next_samples_are_fetched_from_where_they_lie() -> None:
    """Two epochs in orders of their own, the last batch a ragged one: nothing behind the orders is read."""
    x, y = digits(0.1, 784).astype(np.float32), np.arange(100) % 10
    net = cg.Network([cg.Dense(64), cg.ReLU(), cg.Dense(10), cg.Softmax()], input_shape=784, loss="CrossEntropy")
    twin = net.copy()
    one = net.fit(x, y, batch_size=32, epochs=3, optimizer=cg.SGD(0.1), engine="compiled")
    two = twin.fit(x, y, batch_size=32, epochs=3, optimizer=cg.SGD(0.1), engine="numpy")
    np.testing.assert_allclose(one.column("loss"), two.column("loss"), rtol=1e-4)
