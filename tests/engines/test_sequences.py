"""The compiled engine on sequences: loops over time, ids, layers for every step, against the reference."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.engines.c.run import compiler, training
from chalkgrad.engines.c.run.compiler import available
from chalkgrad.engines.c.schedule import arrangement, products

pytestmark = pytest.mark.skipif(not available(), reason="there is no C compiler")

EXACT = 1e-12
"""In float64, relative to the largest value: the bound that the docs state."""
IDS = 7
NETWORKS: dict[str, tuple[cg.Layer, ...]] = {
    "last step": (cg.RNN(5), cg.Dense(3), cg.Softmax()),
    "every step": (cg.RNN(9, activation="relu", sequences=True), cg.Dense(3), cg.Softmax()),
    "ids": (cg.Embedding(IDS, 4), cg.RNN(6, activation="relu"), cg.Dense(2), cg.Softmax()),
    "two loops": (
        cg.Embedding(IDS, 5), cg.RNN(17, sequences=True), cg.RNN(8, sequences=True), cg.Dense(33), cg.Softmax(),
    ),
    "gates": (cg.LSTM(5, sequences=True), cg.GRU(4), cg.Dense(3), cg.Softmax()),
    "gates of many": (cg.LSTM(20), cg.Dense(3), cg.Softmax()),
    "attention": (
        cg.Embedding(IDS, 24), cg.Positions(), cg.Residual((cg.LayerNorm(), cg.Attention(2, causal=True))),
        cg.Residual((cg.LayerNorm(), cg.Dense(40), cg.GELU(), cg.Dense(24))), cg.Dense(5), cg.Softmax(),
    ),
    "no loop": (cg.Embedding(IDS, 6), cg.Dense(20), cg.Tanh(), cg.Dense(3), cg.Softmax()),
}  # fmt: skip


def built(name: str, steps: int, dtype: str = "float64") -> cg.Network:
    layers = NETWORKS[name]
    shape = (steps,) if isinstance(layers[0], cg.Embedding) else (steps, 4)
    return cg.Network(layers, input_shape=shape, loss="CrossEntropy", dtype=dtype)


def drawn(net: cg.Network, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples, with repeated ids where these are wanted, and their targets."""
    rng = np.random.default_rng(0)
    shape = (samples, *map(int, net.input_shape))
    ids = net.program.values["x"].dtype == "int"
    x = rng.integers(0, IDS, shape) if ids else rng.standard_normal(shape)
    *steps, classes = map(int, net.output_shape)
    return x, np.eye(classes)[rng.integers(0, classes, (samples, *steps))]


def apart(one: np.ndarray, two: np.ndarray) -> float:
    """The largest difference, relative to the largest value or 1."""
    return float(np.abs(one - two).max() / (1 + np.abs(one).max()))


def agree(net: cg.Network, samples: int, batch: int, optimizer: cg.Optimizer) -> None:
    """Trains twins by both engines and compares losses, parameters and predictions."""
    x, y = drawn(net, samples)
    one, two = net.copy(), net.copy()
    kept = one.fit(x, y, optimizer=optimizer, batch_size=batch, max_steps=3, engine="numpy")
    made = two.fit(x, y, optimizer=optimizer, batch_size=batch, max_steps=3, engine="compiled")
    assert made.engine.startswith("compiled")
    assert apart(np.array(kept.column("loss")), np.array(made.column("loss"))) < EXACT
    assert apart(one.flat, two.flat) < EXACT
    assert not np.array_equal(one.flat, net.flat)
    assert apart(one.predict(x, engine="numpy"), one.predict(x, engine="compiled")) < EXACT


ONE_BY_ONE = ("last step", "ids", "gates")
"""The short test of these is `test_both_engines_agree`."""


def some(*names: str) -> list[Any]:
    """Every network as a parameter, those not named for the long tests."""
    return [name if name in names else pytest.param(name, marks=pytest.mark.long) for name in NETWORKS]


@pytest.mark.parametrize(
    ("name", "steps", "samples", "batch"),
    [
        *(pytest.param(name, 5, 7, 4, marks=[] if name in ONE_BY_ONE else pytest.mark.long) for name in NETWORKS),
        *(pytest.param(name, 6, 9, 9, marks=pytest.mark.long) for name in ("two loops", "gates", "attention")),
    ],
)
def test_both_engines_agree(name: str, steps: int, samples: int, batch: int) -> None:
    agree(built(name, steps), samples, batch, cg.SGD(0.1))


@pytest.mark.parametrize("name", some("gates"))
def test_one_time_and_one_sample(name: str) -> None:
    agree(built(name, 1), 1, 1, cg.SGD(0.1, momentum=0.5))


@pytest.mark.parametrize("name", some("every step"))
def test_tiles_and_threads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "LEAST", 8)
    monkeypatch.setattr(arrangement, "LEAST", 8)
    monkeypatch.setattr(arrangement, "LARGE", 64)
    monkeypatch.setattr(training, "WORTH_A_THREAD", 1)
    monkeypatch.setenv("CHALKGRAD_THREADS", "3")
    agree(built(name, 5), 11, 7, cg.AdamW(0.01, eps=1e-3))


def test_what_is_alike_is_written_once() -> None:
    text = built("gates of many", 5).source("c", steps=1)
    assert text.count("dUi1_part_product(") == 1 + 4  # itself, and a call for each gate
    assert "dUf1_part_product" not in text


def test_what_a_loop_need_not_wait_for_is_computed_before_it() -> None:
    text = built("last step", 5).source("c", steps=1)
    before, loop = text.index("/* z1_start[n,t,u] = "), text.index("for (int t = 0; t < 5; t++) {\n            for")
    assert before < loop < text.index("/* z1[n,t,u] = sum_v h1[n,t-1,v] * U1[v,u] + z1_start[n,t,u] */")


@pytest.mark.parametrize("name", ["ids", pytest.param("two loops", marks=pytest.mark.long)])
def test_a_resumed_training_has_the_same_bits(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(training, "WORTH_A_THREAD", 1)
    monkeypatch.setenv("CHALKGRAD_THREADS", "2")
    net = built(name, 4, "float32")
    x, y = drawn(net, 11)
    whole, half = net.copy(), net.copy()
    whole.fit(x, y, optimizer=cg.Adam(), batch_size=4, max_steps=7, engine="compiled")
    half.fit(x, y, optimizer=cg.Adam(), batch_size=4, max_steps=4, engine="compiled", checkpoints=tmp_path)
    resumed = net.copy()
    resumed.fit(x, y, optimizer=cg.Adam(), batch_size=4, max_steps=7, engine="compiled", resume=tmp_path)
    assert not np.array_equal(half.flat, whole.flat)
    np.testing.assert_array_equal(resumed.flat, whole.flat)


def run(path: Path, text: str, given: str = "", *, status: int = 0) -> str:
    """What a C program prints; one that was compiled last is there."""
    source = path / "net.c"
    if not source.exists() or source.read_text() != text:
        source.write_text(text)
        flags = ["-O1", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fopenmp-simd"]
        subprocess.run([*compiler.compiler().command, *flags, "net.c", "-o", "net", "-lm"], cwd=path, check=True)
    ended = subprocess.run([path / "net"], input=given, capture_output=True, text=True)
    assert ended.returncode == status, ended.stderr
    return ended.stdout + ended.stderr


def test_the_c_program_stands_alone(tmp_path: Path) -> None:
    net = built("ids", 3)
    x, y = drawn(net, 5)
    printed = run(tmp_path, net.source("c", x, y, optimizer=cg.SGD(0.1), steps=1))
    after = net.copy()
    after.fit(x, y, optimizer=cg.SGD(0.1), batch_size=None, max_steps=1, engine="numpy")
    losses = [float(line.rpartition("= ")[2]) for line in printed.splitlines()]
    np.testing.assert_allclose(losses, [net.loss(x, y), after.loss(x, y)], rtol=EXACT)


def test_the_c_program_reads_ids(tmp_path: Path) -> None:
    net = built("no loop", 3)
    x, y = drawn(net, 4)
    text = net.source("c", steps=0)
    rows = "\n".join(" ".join(map(str, row)) for row in x)
    found = [[float(v) for v in line.split()] for line in run(tmp_path, text, rows).splitlines()]
    np.testing.assert_allclose(found, net.predict(x, engine="numpy").reshape(4, -1), atol=1e-8)
    assert "an id must be a whole number from 0 to 6" in run(tmp_path, text, "0 1 7", status=2)
    assert "an id must be a whole number from 0 to 6" in run(tmp_path, text, "0 1.5 2", status=2)
    trained = net.source("c", steps=1)
    both = "\n".join(" ".join(map(str, [*row, *target.ravel()])) for row, target in zip(x, y, strict=True))
    losses = run(tmp_path, trained, both)
    one_wrong = "0 1 2  1 0 0  0 1 0  0 1 1"
    assert "a target must sum to 1" in run(tmp_path, trained, one_wrong, status=2)
    assert losses == run(tmp_path, net.source("c", x, y, steps=1))


def test_the_c_program_checks_every_input_by_itself(tmp_path: Path) -> None:
    """Ids of two tables and a mask: each part of a line has its own bound."""
    layers = [
        cg.Embedding(4, 2, of="left", name="l"), cg.Embedding(7, 2, of="right"), cg.Add("l"), cg.Attention(1, mask="keep"),
        cg.GlobalAvgPool1D("keep"), cg.Dense(2), cg.Softmax(),
    ]  # fmt: skip
    net = cg.Network(layers, input_shape={"left": 2, "right": 2, "keep": 2}, loss="CrossEntropy", dtype="float64")
    row = [3, 1, 6, 5, 1, 0]
    text = net.source("c", steps=0)
    found = [float(v) for v in run(tmp_path, text, " ".join(map(str, row))).split()]
    x = {"left": [row[:2]], "right": [row[2:4]], "keep": [row[4:]]}
    np.testing.assert_allclose(found, net.predict(x)[0], atol=1e-8)
    np.testing.assert_array_equal(net.predict([row]), net.predict(x))
    for place, value, said, here in (
        (
            1,
            4,
            "an id must be a whole number from 0 to 3",
            r"x\[0, 1\] is the id 4, but layer 1, Embedding 'l' has 4 ids",
        ),
        (2, 7, "an id must be a whole number from 0 to 6", r"x\[0, 2\] is the id 7"),
        (5, 2, "a mask is made of 0 and 1", r"x\[0, 5\] is 2, but layer 4, Attention takes it as a mask"),
        (4, 0, "a mask is 0 everywhere, so that nothing counts", r"x\[0\] is 0 everywhere"),
    ):
        wrong = [*row[:place], value, *row[place + 1 :]]
        assert said in run(tmp_path, text, " ".join(map(str, wrong)), status=2)
        with pytest.raises(cg.DataError, match=here):
            net.predict([wrong])
