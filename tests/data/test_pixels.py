"""Images kept as bytes: the numbers that the same images have as float32, in every engine, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.data import Pixels, mnist
from chalkgrad.engines.c.run.compiler import available

NEEDS_COMPILER = pytest.mark.skipif(not available(), reason="no C compiler")
ENGINES = ["numpy", pytest.param("compiled", marks=NEEDS_COMPILER)]
RNG = np.random.default_rng(4)
BYTES = RNG.integers(0, 256, (50, 1, 7, 9), dtype=np.uint8)
Y = RNG.integers(0, 3, 50)


def image_network(layer: cg.Layer, dtype: str = "float32") -> cg.Network:
    layers = [layer, cg.ReLU(), cg.Flatten(), cg.Dense(3), cg.Softmax()]
    return cg.Network(layers, input_shape=(1, 7, 9), loss="CrossEntropy", seed=3, dtype=dtype)


def test_what_is_picked_out_is_an_array() -> None:
    pixels = Pixels(BYTES)
    whole = BYTES.astype(np.float32) / 255
    assert (pixels.shape, pixels.ndim, len(pixels), pixels.size, pixels.nbytes) == ((50, 1, 7, 9), 4, 50, 3150, 3150)
    for picked, wanted in ((pixels[3], whole[3]), (pixels[2:5], whole[2:5]), (pixels[Y], whole[Y])):
        assert picked.dtype == np.float32
        assert np.array_equal(picked, wanted)
    assert np.array_equal(np.asarray(pixels), whole)
    assert np.asarray(pixels, dtype=np.float64).dtype == np.float64
    assert np.array_equal(np.asarray(pixels.rows(Y)), whole[Y])
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(pixels, copy=False)


@pytest.mark.parametrize("wrong", [np.zeros((2, 3)), np.uint8(3)])
def test_only_bytes_are_kept_as_bytes(wrong: np.ndarray) -> None:
    with pytest.raises(cg.DataError, match="uint8"):
        Pixels(wrong)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("engine", ENGINES)
def test_every_byte_is_read_as_the_same_number(engine: str, dtype: str) -> None:
    stored = np.arange(256, dtype=np.uint8)[:, None]
    net = cg.Network([cg.Dense(1)], input_shape=(1,), loss="SquaredError", dtype=dtype)
    net.parameters["W1"][...], net.parameters["b1"][...] = 1, 0
    expected = (stored.astype(np.float32) / 255).astype(dtype)
    assert np.array_equal(net.predict(Pixels(stored), engine=engine), expected)


@pytest.mark.parametrize(
    ("layer", "validation", "engine"),
    [
        (cg.Conv2D(4, 3), None, "numpy"),
        (cg.Flatten(), 0.2, "numpy"),
        pytest.param(cg.Conv2D(4, 3), 0.2, "compiled", marks=NEEDS_COMPILER),
        *(
            pytest.param(layer, validation, engine, marks=[pytest.mark.long, NEEDS_COMPILER])
            for layer in (cg.Conv2D(4, 3), cg.Flatten(), cg.Conv2D(16, (3, 2), padding="same"))
            for validation in (None, 0.2)
            for engine in ("numpy", "compiled")
        ),
    ],
)
def test_training_is_the_same_bit_for_bit(layer: cg.Layer, validation: float | None, engine: str) -> None:
    pixels = Pixels(BYTES)
    one, two = image_network(layer), image_network(layer)
    h1 = one.fit(np.asarray(pixels), Y, epochs=3, batch_size=16, validation=validation, engine=engine)
    h2 = two.fit(pixels, Y, epochs=3, batch_size=16, validation=validation, engine=engine)
    assert np.array_equal(one.flat, two.flat)
    for column in ("loss", "val_loss", "val_accuracy"):
        assert h1.column(column) == h2.column(column)
    left, right = one.evaluate(np.asarray(pixels), Y, engine=engine), two.evaluate(pixels, Y, engine=engine)
    assert np.array_equal(left.y_hat, right.y_hat)


def test_the_rest_of_the_library_takes_it_as_numbers() -> None:
    net, pixels = image_network(cg.Flatten()), Pixels(BYTES)
    assert net.loss(pixels, Y) == net.loss(np.asarray(pixels), Y)
    assert np.array_equal(net.trace(pixels[:2], Y[:2])["x"], net.trace(pixels.rows([0, 1]), Y[:2])["x"])
    with pytest.raises(cg.ShapeError, match="1, 7, 9"):
        net.fit(Pixels(BYTES[:, 0]), Y)
    with pytest.raises(cg.DataError, match="50 samples in x but 49 targets"):
        net.fit(pixels, Y[1:])


def test_mnist_as_bytes(mnist_directory: Path) -> None:
    numbers, data = mnist(mnist_directory), mnist(mnist_directory, as_bytes=True)
    assert isinstance(data.x_train, Pixels)
    assert data.input_shape == (1, 28, 28)
    assert np.array_equal(np.asarray(data.x_test), numbers.x_test)
