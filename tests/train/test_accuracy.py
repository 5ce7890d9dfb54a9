"""What accuracy counts is fixed by the loss and by how the targets are given, not by what they happen to hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from networks import CLASSES, SAMPLES

X = np.random.default_rng(3).standard_normal((60, 4))
ROWS = (X[:, :3] > 0.4) * 1.0


def network(loss: Any = "BinaryCrossEntropy", **more: Any) -> cg.Network:
    ending = {"BinaryCrossEntropy": [cg.Sigmoid()], "CrossEntropy": [cg.Softmax()]}.get(loss, [])
    return cg.Network([cg.Dense(3), *ending], input_shape=4, loss=loss, **more)


@pytest.mark.parametrize("loss", ["BinaryCrossEntropy", cg.BinaryCrossEntropy(from_logits=True)])
def test_yes_or_nos_are_counted_one_by_one_in_every_part_of_the_data(loss: Any) -> None:
    net = network(loss)
    one_hot = ROWS.sum(axis=1) == 1
    assert 0 < one_hot.sum() < 60
    y_hat = net.predict(X)
    expected = (y_hat > (0.5 if loss == "BinaryCrossEntropy" else 0)) == (ROWS > 0.5)
    for rows in (one_hot, ~one_hot, np.ones(60, bool), np.arange(60) == int(np.argmax(one_hot))):
        assert net.evaluate(X[rows], ROWS[rows]).accuracy == pytest.approx(expected[rows].mean())


@pytest.mark.parametrize("loss", ["BinaryCrossEntropy", "CrossEntropy", "Hinge", "SquaredError"])
@pytest.mark.parametrize("by_number", [True, False])
@pytest.mark.parametrize("share", [True, False])
def test_validation_counts_as_evaluate_does(loss: str, by_number: bool, share: bool) -> None:
    net, numbers = network(loss), X[:, :3].argmax(axis=1)
    y = numbers if by_number else np.eye(3)[numbers]
    validation: Any = 0.5 if share else (X[:25], y[:25])
    history = net.fit(X, y, validation=validation, epochs=2, restore_best=False)
    if share:
        from chalkgrad.data.splits import split_indices

        _, aside = split_indices(60, 0.5, 0, None if loss == "SquaredError" and not by_number else numbers)
    else:
        aside = np.arange(25)
    assert history.records[-1].val_accuracy == net.evaluate(X[aside], y[aside]).accuracy


def test_class_numbers_mean_the_largest_output_whatever_the_loss() -> None:
    numbers = np.arange(60) % 3
    for loss in ("BinaryCrossEntropy", "CrossEntropy", "Hinge", "SquaredError"):
        net = network(loss)
        expected = (net.predict(X).argmax(axis=1) == numbers).mean()
        assert net.evaluate(X, numbers).accuracy == pytest.approx(expected)
        assert net.evaluate(X[:1], numbers[:1]).accuracy in (0, 1)


def test_accuracy_of_many_yes_or_nos_and_of_class_numbers() -> None:
    many = cg.Network([cg.Dense(3), cg.Sigmoid()], input_shape=3, loss="BinaryCrossEntropy", dtype="float64")
    truth = np.array([[1, 1, 0], [0, 0, 0], [1, 1, 1.0]])
    many.set_parameters(W1=np.eye(3) * 50, b1=[-25] * 3)
    assert many.evaluate(truth, truth).accuracy == 1
    squared = cg.Network([cg.Dense(2)], input_shape=3, loss="SquaredError")
    assert squared.evaluate(SAMPLES, CLASSES).accuracy is not None
    assert squared.evaluate(SAMPLES, np.eye(2)[CLASSES]).accuracy is None
