"""Weights of classes are weights of samples, by scikit-learn's formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chalkgrad as cg

RNG = np.random.default_rng(11)
X = RNG.standard_normal((80, 3))
Y = np.array([0] * 60 + [1] * 15 + [2] * 5)


def network(outputs: int = 3, ending: Any = cg.Softmax, loss: Any = "CrossEntropy", **more: Any) -> cg.Network:
    return cg.Network(
        [cg.Dense(outputs), *([ending()] if ending else [])], input_shape=3, loss=loss, dtype="float64", **more
    )


def fitted(net: cg.Network, y: Any = Y, **settings: Any) -> Any:
    net.fit(X, y, epochs=2, **settings)
    return net.flat


def test_balanced_is_that_of_scikit_learn() -> None:
    of = pytest.importorskip("sklearn.utils.class_weight")
    weights = of.compute_class_weight("balanced", classes=np.arange(3), y=Y)
    ours = fitted(network(), class_weight="balanced")
    assert np.array_equal(ours, fitted(network(), sample_weight=weights[Y]))
    assert np.array_equal(ours, fitted(network(), class_weight=dict(enumerate(weights))))
    assert not np.array_equal(ours, fitted(network()))


def test_a_class_without_a_weight_weighs_1_and_samples_weigh_beside() -> None:
    own = RNG.random(80) + 0.1
    expected = fitted(network(), sample_weight=own * np.array([1.0, 3.0, 1.0])[Y])
    assert np.array_equal(expected, fitted(network(), class_weight={1: 3}, sample_weight=own))


def test_two_classes_by_one_output() -> None:
    y = (Y > 0).astype(int)
    net = network(1, cg.Sigmoid, "BinaryCrossEntropy")
    expected = fitted(net.copy(), y, sample_weight=np.where(y, 80 / 40, 80 / 120))
    assert np.allclose(fitted(net.copy(), y, class_weight="balanced"), expected, rtol=1e-12)


def test_it_counts_where_it_is_trained_and_not_in_validation() -> None:
    """Balanced over the rows that are left; the validation loss is the plain one."""
    net = network()
    history = net.fit(X, Y, epochs=1, validation=0.25, class_weight="balanced", restore_best=False)
    training, aside = cg.data.split_indices(80, 0.25, 0, Y)
    assert history[-1].val_loss == pytest.approx(net.loss(X[aside], Y[aside]))
    counts = np.bincount(Y[training])
    weights = (len(training) / (3 * counts))[Y]
    assert np.array_equal(net.flat, _after(network(), weights))


def _after(net: cg.Network, weights: Any) -> Any:
    net.fit(X, Y, epochs=1, validation=0.25, sample_weight=weights, restore_best=False)
    return net.flat


def test_steps_of_sequences_weigh_by_their_own_class() -> None:
    x, y = RNG.standard_normal((20, 4, 2)), RNG.integers(-1, 2, (20, 4))
    nets = [
        cg.Network(
            [cg.RNN(3, sequences=True), cg.Dense(2), cg.Softmax()], input_shape=(4, 2), loss=cg.CrossEntropy(ignore=-1)
        )
        for _ in range(2)
    ]
    nets[0].fit(x, y, class_weight={1: 4})
    nets[1].fit(x, y, sample_weight=np.where(y == 1, 4.0, 1.0))
    assert np.array_equal(nets[0].flat, nets[1].flat)


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("balance", "class_weight is 'balanced', or weights by class number"),
        ({"a": 1}, "weights by class number"),
        ({3: 1}, "has the class 3, but the classes are 0 to 2"),
        ({1: -1}, "class_weight of class 1 must be a number, at least 0"),
        ({1: float("nan")}, "class_weight of class 1 must be a number"),
        ([1, 2, 3], "weights by class number"),
        ({0: 0, 1: 0, 2: 0}, "weight"),
    ],
)
def test_what_is_no_class_weight_is_refused(setting: Any, text: str) -> None:
    with pytest.raises(cg.ChalkgradError, match=text):
        network().fit(X, Y, class_weight=setting)


def test_numbers_have_no_classes() -> None:
    with pytest.raises(cg.OptionError, match=r"samples that are of one class each.*sample_weight="):
        network(1, None, "SquaredError").fit(X, X[:, :1], class_weight="balanced")
