"""Settings mean what they mean to scikit-learn's MLPClassifier and MLPRegressor: the same gradients, the same training."""

from __future__ import annotations

import importlib.util
import inspect
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("sklearn") is None, reason="scikit-learn is not installed"),
    pytest.mark.filterwarnings("ignore:(Chalkgrad|Stochastic Optimizer)"),  # not by category: pytest would import it
]

KINDS = ("binary", "classes", "labels", "number", "numbers")
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 6))
TARGETS: dict[str, Any] = {
    "binary": np.where(X[:, 0] + X[:, 1] > 0, "yes", "no"),
    "classes": np.array(["b", "a", "c"])[rng.integers(0, 3, 40)],
    "labels": rng.integers(0, 2, (40, 3)),
    "number": X[:, 0] * X[:, 1],
    "numbers": X[:, :3] ** 2,
}


def pair(kind: str, **settings: Any) -> tuple[Any, Any]:
    """scikit-learn's estimator and ours with the same settings."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    settings = {"random_state": 0, "shuffle": False, **settings}
    if kind in ("number", "numbers"):
        return MLPRegressor(**settings), cg.ChalkgradRegressor(**settings)
    return MLPClassifier(**settings), cg.ChalkgradClassifier(**settings)


def begin_alike(theirs: Any, ours: Any, y: Any) -> None:
    """Trains both for one epoch and gives ours their weights; the next `fit` goes on from there."""
    for estimator in (theirs, ours):
        estimator.set_params(warm_start=True, max_iter=1).fit(X, y)
    for own, other in zip([*ours.coefs_, *ours.intercepts_], [*theirs.coefs_, *theirs.intercepts_], strict=True):
        own[...] = other


@pytest.mark.long
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_a_full_batch_has_their_gradient(kind: str, activation: str, weighted: bool) -> None:
    theirs, ours = pair(kind, hidden_layer_sizes=(5, 4), activation=activation, alpha=0.3)
    y = TARGETS[kind]
    weights = np.random.default_rng(1).uniform(0.5, 3, len(X)) if weighted else None
    takes_weights = "sample_weight" in inspect.signature(theirs.fit).parameters
    if weighted and not takes_weights:
        pytest.skip("MLPClassifier takes weights from scikit-learn 1.7 on")
    begin_alike(theirs, ours, y)
    # the penalty of a batch depends on its weights, so that the last training's must be those of this batch
    ours.set_params(learning_rate_init=1e-300, max_iter=1).fit(X, y, sample_weight=weights)
    rows = theirs._validate_input(X, y, False, False)[1].astype(float).reshape(len(X), -1)
    activations: list[Any] = [X, *[None] * 3]
    empty: list[Any] = [None] * 3
    given = (X, rows, weights) if takes_weights else (X, rows)
    _, dW, db = theirs._backprop(*given, activations, [*empty], [*empty], [*empty])
    x, targets = ours.samples(X, y)
    found = ours.network_.gradients(x, targets, sample_weight=weights)
    for k in range(3):
        np.testing.assert_allclose(found[f"W{k + 1}"], dW[k], rtol=1e-9, atol=1e-13)
        np.testing.assert_allclose(found[f"b{k + 1}"], db[k], rtol=1e-9, atol=1e-13)


SOLVERS: dict[str, dict[str, Any]] = {
    "adam": {"solver": "adam", "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-30, "learning_rate_init": 0.01},
    "sgd": {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.1},
    "momentum": {"solver": "sgd", "momentum": 0.8, "nesterovs_momentum": False, "learning_rate_init": 0.1},
    "nesterov": {"solver": "sgd", "momentum": 0.8, "learning_rate_init": 0.1},
}


@pytest.mark.long
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_training_has_their_weights_losses_and_end(kind: str, solver: str) -> None:
    """In batches of equal size; scikit-learn's Adam adds epsilon elsewhere, which is next to 0 here."""
    theirs, ours = pair(kind, hidden_layer_sizes=(7,), activation="tanh", batch_size=10, alpha=0.01, **SOLVERS[solver])
    y = TARGETS[kind]
    begin_alike(theirs, ours, y)
    # MLPRegressor's loss is a mean over the outputs and its gradient that of their sum: tol is then another measure
    patience = np.inf if kind == "numbers" else 3
    for estimator in (theirs, ours):
        estimator.set_params(max_iter=60, tol=0.02, n_iter_no_change=patience).fit(X, y)
    assert ours.n_iter_ == theirs.n_iter_
    for own, other in zip([*ours.coefs_, *ours.intercepts_], [*theirs.coefs_, *theirs.intercepts_], strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-8, atol=1e-10)
    if kind != "numbers":
        np.testing.assert_allclose(ours.loss_curve_[1:], theirs.loss_curve_[1:], rtol=1e-8)
    np.testing.assert_array_equal(np.shape(ours.predict(X)), np.shape(theirs.predict(X)))
    if hasattr(theirs, "predict_proba"):
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-7, atol=1e-10)
        np.testing.assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-6, atol=1e-8)
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


def test_the_names_are_theirs() -> None:
    """Every setting of ours that is not theirs, and theirs that are not ours."""
    theirs, ours = pair("binary")
    own, other = set(ours.get_params()), set(theirs.get_params())
    assert own - other == {"layers", "input_shape", "schedule", "engine"}
    assert other - own == {"learning_rate", "power_t", "max_fun"}
    differing = {name for name in own & other if ours.get_params()[name] != theirs.get_params()[name]}
    assert not differing
