"""Settings of layers, losses, optimizers and networks: which numbers they take, and which they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from networks import CLASSES, SAMPLES, classifier


def test_numpy_numbers_as_settings(tmp_path: Path) -> None:
    layers = [
        cg.Dense(np.int64(3), l2=np.float32(0.5), weights=cg.initializers.Normal(np.float64(0.1))),
        cg.LeakyReLU(np.float64(0.1)), cg.Dropout(np.float64(0.2)), cg.Dense(CLASSES.max() + 1), cg.Softmax(),
    ]  # fmt: skip
    net = cg.Network(layers, input_shape=np.int64(3), loss=cg.CrossEntropy(scale=np.float64(0.5)), seed=np.int64(3))
    net.fit(SAMPLES, CLASSES, optimizer=cg.SGD(np.float64(0.1), momentum=np.float32(0.5)))
    trace = net.trace(SAMPLES, CLASSES, optimizer=cg.Adam(np.float64(0.1)))
    assert {v.dtype for n, v in trace.items() if v.ndim} == {np.dtype("float32")}
    net.save(tmp_path / "net")
    assert (cg.load(tmp_path / "net").flat == net.flat).all()


ENDINGS = [
    ([cg.Dense(2)], "CrossEntropy", r"end with Softmax\(\)"),
    ([cg.Dense(1)], "BinaryCrossEntropy", r"end with Sigmoid\(\)"),
    ([cg.Dense(2), cg.Softmax()], cg.CrossEntropy(from_logits=True), r"leave out Softmax\(\)"),
    ([cg.Dense(2), cg.Softmax()], cg.CrossEntropy(fuse=False, clip=1e-12), "too small for float32"),
    ([cg.Dense(2), cg.Softmax()], cg.CrossEntropy(fuse=False, clip=0.0), "too small"),
]


@pytest.mark.parametrize(("layers", "loss", "message"), ENDINGS)
def test_a_loss_that_does_not_fit_the_last_layer(layers: list[Any], loss: Any, message: str) -> None:
    with pytest.raises(cg.OptionError, match=message):
        cg.Network(layers, input_shape=3, loss=loss)


ODD_SETTINGS = [
    lambda: cg.MaxPool2D(2, stride=0),
    lambda: cg.SGD(0.1, nesterov=True),
    lambda: cg.Adam(eps=0),
    lambda: cg.Dense(2, weights=5),  # type: ignore[arg-type]
    lambda: cg.Dense(2, weights="uniform(-1)"),
    lambda: cg.Dense(2, weights="normal(1e308)"),
    lambda: cg.initializers.Normal(float("nan")),
    lambda: cg.SquaredError(scale=np.ones(3)),  # type: ignore[arg-type]
    lambda: cg.SGD(10**400),
    lambda: classifier(dtype="f4,("),
    lambda: classifier(dtype=None),
    lambda: classifier(layers=[cg.Dense(10**12), cg.Dense(2), cg.Softmax()]),
    lambda: classifier().fit(SAMPLES, CLASSES, callbacks=[cg.Callback]),  # type: ignore[list-item]
    lambda: classifier().fit(SAMPLES, CLASSES, schedule=cg.Cosine),  # type: ignore[arg-type]
    lambda: classifier().trace(SAMPLES, CLASSES, optimizer=5),  # type: ignore[arg-type]
    lambda: classifier().check_gradients(SAMPLES, CLASSES, samples=0),
    lambda: classifier().check_gradients(SAMPLES, CLASSES, tolerance="a"),  # type: ignore[arg-type]
    lambda: classifier().predict([[1, 2, 3], [1]]),
    lambda: classifier(dtype="float32").predict([[1e300, 0, 0]]),
    lambda: classifier().trace(SAMPLES, CLASSES)[5],  # type: ignore[index]
    lambda: classifier().freeze(["W1"]),  # type: ignore[arg-type]
    lambda: classifier().set_parameters([1]),  # type: ignore[arg-type]
    lambda: classifier().set_parameters(W1=np.ones((3, 4)) * 1j),
    lambda: classifier(layers=[cg.BatchNorm(), cg.Dense(2), cg.Softmax()]).set_parameters(running_var1=[-1, 1, 1]),
    lambda: cg.data.spiral_data(seed=-1),
    lambda: cg.load("a" * 300),
    lambda: cg.load("a\0b"),
]


@pytest.mark.parametrize("number", range(len(ODD_SETTINGS)))
def test_odd_settings_get_an_error_of_chalkgrads_own(number: int) -> None:
    with pytest.raises(cg.ChalkgradError) as caught:
        ODD_SETTINGS[number]()
    assert "\n" not in str(caught.value)
