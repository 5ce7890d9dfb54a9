"""The settings of scikit-learn's MLPClassifier and MLPRegressor as layers, an optimizer and a penalty."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from ..base.checks import choice, number, said, whole
from ..base.errors import OptionError
from ..describe.layers import Dense, Layer, ReLU, Sigmoid, Softmax, Tanh
from ..describe.optimizers import SGD, Adam, Optimizer

ACTIVATIONS: dict[str, type[Layer] | None] = {"identity": None, "logistic": Sigmoid, "tanh": Tanh, "relu": ReLU}
SOLVERS = ("adam", "sgd")
LARGEST_BATCH = 200
"""Samples in a batch that is "auto", at most."""


def hidden_layers(owner: str, sizes: Any, activation: Any) -> list[Layer]:
    """The layers before the output: a dense one of every size, each with its activation behind it."""
    name = choice(owner, "activation", activation, ACTIVATIONS)
    several = isinstance(sizes, Iterable) and not isinstance(sizes, str)
    many: list[Any] = list(cast("Any", sizes)) if several else [sizes]
    layers: list[Layer] = []
    for size in many:
        layers.append(Dense(whole(owner, "hidden_layer_sizes", size)))
        kind = ACTIVATIONS[name]
        if kind is not None:
            layers.append(kind())
    return layers


def given_layers(owner: str, layers: Any) -> list[Layer]:
    """The layers that `layers=` has. Raises OptionError where it is no list of layers."""
    many = list(cast("Sequence[Any]", layers)) if isinstance(layers, (list, tuple)) else [layers]
    for layer in many:
        if not isinstance(layer, Layer):
            raise OptionError(
                f"{owner}: layers is a list of layers, such as [cg.Dense(100), cg.ReLU()], not {said(layers)}"
            )
    if many and isinstance(many[-1], Softmax):
        raise OptionError(
            f"{owner}: layers are those before the output: fit adds Dense(classes) and Softmax() behind them; leave "
            "these out"
        )
    return many


def optimizer(owner: str, settings: Any) -> Optimizer:
    """The optimizer that an estimator's `solver` names, with its settings.

    Raises:
        OptionError: where there is none of this name, or a setting is invalid.
    """
    solver = settings.solver
    if isinstance(solver, Optimizer):
        return solver
    if solver == "lbfgs":
        raise OptionError(
            f"{owner}: solver='lbfgs' looks at all samples at once, which chalkgrad has no optimizer for; take 'adam', "
            "or 'sgd'"
        )
    choice(owner, "solver", solver, SOLVERS)
    rate = settings.learning_rate_init
    if solver == "adam":
        return Adam(rate, settings.beta_1, settings.beta_2, settings.epsilon)
    momentum = number(owner, "momentum", settings.momentum, 0.0, 1.0)
    return SGD(rate, momentum, bool(settings.nesterovs_momentum) and momentum > 0)


def samples_in_a_batch(owner: str, batch_size: Any, count: int) -> int:
    """The samples in a full step, of `count` samples."""
    if isinstance(batch_size, str):
        choice(owner, "batch_size", batch_size, ("auto",))
        return min(LARGEST_BATCH, count)
    return min(whole(owner, "batch_size", batch_size), count)


def penalty(owner: str, alpha: Any, batch: int, mean_weight: float) -> float:
    """The factor l2 of sum(W^2) in the loss that is alpha / 2 over the weight of a batch.

    MLPClassifier adds alpha / 2 * sum(W^2) / (the sum of the batch's sample weights) to the mean loss of every batch;
    here every batch has the same penalty, that of a full one of samples of mean weight.
    """
    return number(owner, "alpha", alpha, 0.0) / (2 * batch * mean_weight)
