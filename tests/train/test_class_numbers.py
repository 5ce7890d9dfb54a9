"""The classes of sequences stay numbers: the same bits as rows, in both engines, and memory that rows would not fit."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.data.class_numbers import ClassNumbers
from chalkgrad.engines.c.run.compiler import available

COMPILED = pytest.mark.skipif(not available(), reason="there is no C compiler")
ENGINES = ["numpy", pytest.param("compiled", marks=COMPILED)]
IDS, T = 7, 5
rng = np.random.default_rng(4)
X, Y = rng.integers(0, IDS, (23, T)), rng.integers(0, IDS, (23, T))
PADDED = np.where(rng.random(Y.shape) < 0.3, -1, Y)


def model(loss: Any = "CrossEntropy", *end: cg.Layer) -> cg.Network:
    layers = [cg.Embedding(IDS, 4), cg.RNN(6, sequences=True), cg.Dense(IDS), *(end or (cg.Softmax(),))]
    return cg.Network(layers, input_shape=T, loss=loss, seed=3)


PADDING = (cg.CrossEntropy(ignore=-1, label_smoothing=0.1), cg.Softmax(), PADDED)


@pytest.mark.parametrize(
    ("engine", "loss", "end", "y"),
    [
        ("numpy", "CrossEntropy", cg.Softmax(), Y),
        ("numpy", *PADDING),
        ("numpy", "SquaredError", cg.Sigmoid(), Y),
        pytest.param("compiled", *PADDING, marks=[COMPILED, pytest.mark.long]),
        pytest.param("compiled", "SquaredError", cg.Sigmoid(), Y, marks=[COMPILED, pytest.mark.long]),
    ],
)
def test_numbers_train_as_rows_do(engine: str, loss: Any, end: cg.Layer, y: Any) -> None:
    rows = model(loss, end).targets(y)
    assert rows.shape == (23, T, IDS)
    one, two = model(loss, end), model(loss, end)
    weights = rng.random(Y.shape)
    for net, targets in ((one, y), (two, rows)):
        for batch in (4, 23) if engine == "numpy" else (4,):  # all samples at once are read where they lie
            net.fit(X, targets, epochs=2, batch_size=batch, optimizer="Adam", engine=engine, sample_weight=weights)
    np.testing.assert_array_equal(one.flat, two.flat)
    found, expected = (n.evaluate(X, t, engine=engine) for n, t in ((one, y), (two, rows)))
    np.testing.assert_array_equal(found.y_hat, expected.y_hat)
    assert found.loss == expected.loss
    if one.loss_function.of_classes:  # else only numbers are set aside class by class
        shares = [n.fit(X, t, validation=0.3, epochs=1, engine=engine) for n, t in ((one, y), (two, rows))]
        assert shares[0].records[-1].val_loss == shares[1].records[-1].val_loss


def test_rows_are_made_of_a_selection() -> None:
    kept = model(cg.CrossEntropy(ignore=-1)).samples_and_targets(X, PADDED)[1]
    assert isinstance(kept, ClassNumbers)
    rows = np.asarray(kept)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows.sum(axis=2), PADDED != -1)
    np.testing.assert_array_equal(rows.argmax(axis=2)[PADDED != -1], PADDED[PADDED != -1])
    np.testing.assert_array_equal(kept[[3, 1]], rows[[3, 1]])
    np.testing.assert_array_equal(kept.counts, rows.sum(axis=2))
    np.testing.assert_array_equal(kept.firsts, rows.reshape(len(rows), -1).argmax(axis=1))
    np.testing.assert_array_equal(kept.rows(slice(2, 9))[...], rows[2:9])


@pytest.mark.parametrize("engine", ENGINES)
def test_memory_does_not_grow_with_the_classes_of_all_steps(engine: str) -> None:
    classes, steps, samples = 400, 16, 3000  # as rows 77 MB
    net = cg.Network(
        [cg.Embedding(classes, 2), cg.Dense(classes), cg.Softmax()], input_shape=steps, loss="CrossEntropy"
    )
    x = np.random.default_rng(0).integers(0, classes, (samples, steps))
    net.fit(x[:8], x[:8], epochs=1, batch_size=8, engine=engine)
    tracemalloc.start()
    net.fit(x, x, validation=(x, x), max_steps=2, batch_size=8, engine=engine)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6


def test_numbers_that_are_no_classes_are_refused() -> None:
    for y, said in (
        (np.full((23, T), 7), "class number 7 is out of range"),
        (
            Y - 1,
            r"class number -1 is out of range at y\[\d+, \d+\]: .*; if it stands for padding, take CrossEntropy\(ignore=-1\)",
        ),
    ):
        with pytest.raises(cg.DataError, match=said):
            model().fit(X, y)
    with pytest.raises(
        cg.DataError,
        match=r"class number 9 is out of range at y\[\d+, \d+\]: .* classes are 0 to 6, and -1 where nothing",
    ):
        model(cg.CrossEntropy(ignore=-1)).fit(X, np.where(PADDED == -1, -1, 9))
    with pytest.raises(cg.ShapeError, match="the targets have shape"):
        model().fit(X, Y[:, :3])
    with pytest.raises(cg.DataError, match="nothing counts: every target is ignored"):
        model(cg.CrossEntropy(ignore=-1)).fit(X, np.full_like(Y, -1))


@pytest.mark.skipif(not available(), reason="there is no C compiler")
def test_pixels_and_numbers_side_by_side() -> None:
    pixels = cg.data.Pixels(rng.integers(0, 256, (9, T, 3)).astype(np.uint8))
    nets = [cg.Network([cg.RNN(3, sequences=True), cg.Dense(IDS), cg.Softmax()], input_shape=(T, 3), loss="CrossEntropy")
            for _ in range(2)]  # fmt: skip
    for net, x in zip(nets, (pixels, np.asarray(pixels)), strict=True):
        net.fit(x, Y[:9], epochs=2, batch_size=4, engine="compiled")
    np.testing.assert_array_equal(nets[0].flat, nets[1].flat)
