"""What the classifier and the regressor have in common: settings, training, and the network."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, Self, cast

import numpy as np

from ..base.checks import flag, number, whole
from ..base.errors import DataError, OptionError
from ..data.splits import split_indices
from ..describe.layers import Dense, Layer
from ..describe.losses import Loss
from ..describe.optimizers import Optimizer
from ..describe.schedules import Schedule
from ..model.model import Array, Model
from ..network import Network
from ..train.callbacks import Callback
from ..train.history import History
from . import library, settings
from .watch import Watch

SEEDS = 2**31
"""How many seeds a generator of scikit-learn's is asked for."""


class Estimator(library.BaseEstimator):
    """Base of both estimators.

    Attributes:
        network_: the network that was trained, a `chalkgrad.Network`.
        history_: what happened in the last training, epoch by epoch, and why it stopped.
        n_iter_: the epochs of the last training.
        loss_curve_: the training loss of every epoch, penalty included.
        loss_: the last one.
        best_loss_: the lowest one; None with `early_stopping`.
        validation_scores_: the score of every epoch; None without `early_stopping`.
        best_validation_score_: the highest one; None without.
        n_outputs_: the outputs of the network.
        out_activation_: what the output layer ends with: "softmax", "logistic" or "identity".
        n_features_in_, feature_names_in_: how many columns X had, and what they were called, if they had names.
    """

    network_: Network
    history_: History
    n_iter_: int
    loss_curve_: list[float]
    loss_: float
    best_loss_: float | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    n_outputs_: int
    out_activation_: str

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str = "relu",
        *,
        layers: Sequence[Layer] | None = None,
        input_shape: Sequence[int] | None = None,
        solver: str | Optimizer = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate_init: float = 0.001,
        schedule: Schedule | str | None = None,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        engine: str = "auto",
    ) -> None:
        """Settings have the names and the meaning of scikit-learn's MLPClassifier; docs/estimators.md has what differs.

        Args:
            hidden_layer_sizes: the number of units of every hidden layer: a sequence, or one number.
            activation: what follows every hidden layer: "relu", "tanh", "logistic" or "identity".
            layers: a list of chalkgrad's layers in place of `hidden_layer_sizes` and `activation`; `fit` adds the
                output layer behind them.
            input_shape: the shape that each row of X is given before the first layer, (channels, height, width) for
                images; None leaves it a row.
            solver: "adam", "sgd", or one of chalkgrad's optimizers, whose own settings then count.
            alpha: the strength of the L2 penalty: alpha / 2 * sum(W^2) / batch size is part of the loss.
            batch_size: samples in a step; "auto" is min(200, samples).
            learning_rate_init: the learning rate.
            schedule: how it changes: one of chalkgrad's schedules, or its name; None for a constant one.
            max_iter: the most epochs.
            shuffle: whether every epoch has an order of its own.
            random_state: where initial weights, order and split come from: a seed (the network's), a RandomState, or
                None for others every time.
            tol: what an improvement of the training loss must be, or with `early_stopping` of the validation score.
            n_iter_no_change: how many epochs in a row may pass without one; infinite to train for `max_iter` epochs.
            verbose: show the training's progress.
            warm_start: begin `fit` with the weights of the last one.
            momentum: for "sgd", the share of the last step that is kept.
            nesterovs_momentum: for "sgd", whether the step looks ahead along it.
            early_stopping: set samples aside, watch the score on them, and keep the weights of the best one.
            validation_fraction: the share that is set aside.
            beta_1: for "adam", the share of the mean gradient that is kept.
            beta_2: for "adam", that of the mean square.
            epsilon: for "adam", what is added to the root of that.
            engine: "numpy", "compiled", or "auto": compiled where a compiler is there and the work is worth it.

        Raises:
            OptionError: where scikit-learn is not installed, or older than 1.6.
        """
        library.require(type(self).__name__)
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.layers = layers
        self.input_shape = input_shape
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.schedule = schedule
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.engine = engine

    # what a classifier and a regressor each say for themselves

    def _begin(self, y: Any, classes: Any) -> None:
        """Takes note of the classes before a first training: those that are named, or else those of y."""

    def _targets(self, y: Any) -> Array:
        """y as the network takes it."""
        raise NotImplementedError

    def _ending(self, y: Array) -> tuple[list[Layer], Loss, str]:
        """The last layers, the loss that fits them, and the name of the output's activation."""
        raise NotImplementedError

    def _score_of(self, network: Model, x: Array, y: Array, weights: Array | None) -> float:
        """The score of a network on samples and targets as it takes them."""
        raise NotImplementedError

    def _strata(self, y: Array) -> Array | None:
        """What the part set aside has alike shares of; None where nothing."""
        return None

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    # the training

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Trains a new network; with `warm_start`, one that begins with the weights of the last.

        Args:
            X: samples (N, features).
            y: class labels (N,) or, for several labels at once, rows of 0 and 1 (N, labels); numbers (N,) or
                (N, outputs) for the regressor.
            sample_weight: the samples' weights (N,); those of weight 0 are left out.

        Raises:
            ValueError: where X, y or a setting cannot be used; chalkgrad's own errors are ValueErrors.
        """
        going_on = self.warm_start and hasattr(self, "network_")
        x, y, weights = self._read(X, y, sample_weight, first=not going_on)
        return self._train(x, y, weights, self.network_ if going_on else None, partial=False)

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        before = getattr(self, "network_", None)
        if self.early_stopping:
            raise OptionError("partial_fit does not support early_stopping=True: it sees a part of the samples only")
        x, y, weights = self._read(X, y, sample_weight, first=before is None, classes=classes)
        return self._train(x, y, weights, before, partial=True)

    def _read(
        self, X: Any, y: Any, sample_weight: Any, *, first: bool, classes: Any = None
    ) -> tuple[Array, Array, Array | None]:
        """The samples that weigh something, as rows; their targets as the network takes them; their weights."""
        x, y = library.validation.validate_data(self, X, y, reset=first, **self._kinds_of_data())
        weights = None
        if sample_weight is not None:
            weights = library.validation._check_sample_weight(sample_weight, x)  # pyright: ignore[reportPrivateUsage]
            if (weights < 0).any():
                raise DataError(f"sample_weight has {weights.min():g} in it; weights are 0 or more")
            if not weights.any():
                raise DataError("sample_weight is 0 everywhere: there is nothing to train on")
        if first:
            self._begin(y, classes)
        targets = self._targets(y)
        if weights is not None and not weights.all():
            counting = weights > 0
            x, targets, weights = x[counting], targets[counting], weights[counting]
        return x, targets, weights

    def _kinds_of_data(self) -> dict[str, Any]:
        return {"dtype": (np.float64, np.float32), "multi_output": True}

    def _train(self, x: Array, y: Array, weights: Array | None, before: Network | None, *, partial: bool) -> Self:
        owner = type(self).__name__
        aside: tuple[Array, Array, Array | None] | None = None
        seed = before.seed if before is not None else self._seed()
        if flag(owner, "early_stopping", self.early_stopping):
            number(owner, "validation_fraction", self.validation_fraction, 0.0, 1.0)
            kept, out = split_indices(len(x), self.validation_fraction, seed, self._strata(y))
            if len(out) < 2:
                raise OptionError(
                    f"{owner}: validation_fraction={self.validation_fraction:g} of {len(x)} samples sets {len(out)} "
                    "aside; 2 are needed: give a larger share or more samples"
                )
            aside = x[out], y[out], None if weights is None else weights[out]
            x, y, weights = x[kept], y[kept], None if weights is None else weights[kept]
        batch = settings.samples_in_a_batch(owner, self.batch_size, len(x))
        l2 = settings.penalty(owner, self.alpha, batch, 1.0 if weights is None else float(weights.mean()))
        network = self._network(y, x, before, seed, l2, same=partial)
        watch = self._watch(owner, network, aside)
        most = whole(owner, "max_iter", self.max_iter)
        callbacks: list[Callback] = [watch]
        history = network.fit(
            self._shaped(network, x),
            y,
            optimizer=settings.optimizer(owner, self),
            epochs=1 if partial else most,
            batch_size=batch,
            shuffle=flag(owner, "shuffle", self.shuffle),
            sample_weight=weights,
            schedule=self.schedule,
            seed=seed,
            callbacks=callbacks,
            progress=bool(self.verbose),
            engine=self.engine,
            fresh_optimizer=not partial,
        )
        watch.put_back(network)
        self.network_, self.history_ = network, history
        self._take_note(watch, going_on=before is not None)
        if not (partial or watch.stopped or self.n_iter_no_change == math.inf) and self.n_iter_ == most:
            warnings.warn(
                f"{owner}: the training ended after max_iter={most} epochs, before it stopped improving by tol; give "
                "it more epochs or a higher learning rate, or n_iter_no_change=float('inf') if it is to end there",
                library.ConvergenceWarning,
                stacklevel=3,
            )
        return self

    def _watch(self, owner: str, network: Network, aside: tuple[Array, Array, Array | None] | None) -> Watch:
        """What ends the training."""
        tol = number(owner, "tol", self.tol, 0.0)
        patience = self.n_iter_no_change
        epochs = math.inf if patience == math.inf else whole(owner, "n_iter_no_change", patience)
        if aside is None:
            return Watch(tol, epochs, None)
        x, y, weights = self._shaped(network, aside[0]), *aside[1:]
        return Watch(tol, epochs, lambda model: self._score_of(model, x, y, weights))

    def _take_note(self, watch: Watch, *, going_on: bool) -> None:
        """Sets what is known after a training."""
        earlier = self.loss_curve_ if going_on else []
        self.loss_curve_ = [*earlier, *watch.losses]
        self.n_iter_ = len(watch.losses)
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else math.nan
        by_score = watch.scores is not None
        self.best_loss_ = None if by_score else min(self.loss_curve_, default=math.inf)
        self.validation_scores_ = watch.scores
        self.best_validation_score_ = watch.best if by_score else None

    def _seed(self) -> int:
        """The network's seed: `random_state` itself where it is a number."""
        state: Any = self.random_state
        if isinstance(state, (int, np.integer)) and not isinstance(state, bool):
            return int(cast("Any", state))
        return int(library.check_random_state(state).randint(SEEDS))

    def _network(self, y: Array, x: Array, before: Network | None, seed: int, l2: float, *, same: bool) -> Network:
        """The network to train: a new one, or one that begins where another ended."""
        if before is not None and same and before.l2 == l2:
            return before
        owner = type(self).__name__
        if self.layers is None:
            layers = settings.hidden_layers(owner, self.hidden_layer_sizes, self.activation)
        else:
            layers = settings.given_layers(owner, self.layers)
        ending, loss, out_activation = self._ending(y)
        shape = x.shape[1:] if self.input_shape is None else self.input_shape
        dtype = x.dtype if before is None else before.dtype
        network = Network([*layers, *ending], input_shape=shape, loss=loss, dtype=dtype.name, seed=seed, l2=l2)
        if math.prod(network.input_shape) != x.shape[1]:
            raise DataError(
                f"{owner}: X has {x.shape[1]} columns, but input_shape={self.input_shape} takes "
                f"{math.prod(network.input_shape)} numbers a sample"
            )
        if before is not None:
            _go_on(network, before, owner)
        self.n_outputs_ = network.output_shape[0]
        self.out_activation_ = out_activation
        return network

    @staticmethod
    def _shaped(network: Network, x: Array) -> Array:
        """Rows as the network takes them; whole numbers where it takes ids, which scikit-learn has as floats."""
        if network.layout.ids and (x == np.rint(x)).all():
            x = x.astype(np.int64)
        return x.reshape(len(x), *network.input_shape)

    def _outputs(self, X: Any) -> Array:
        """What the network gives for samples X (N, features): (N, outputs)."""
        library.validation.check_is_fitted(self)
        x = library.validation.validate_data(self, X, reset=False, dtype=(np.float64, np.float32))
        return self.network_.predict(self._shaped(self.network_, x), engine=self.engine)

    def samples(self, X: Any, y: Any) -> tuple[Array, Array]:
        """X and y as `network_` takes them, for `network_.trace`, `page` and `check_gradients`.

        Args:
            X: samples (N, features).
            y: as for `fit`.
        """
        library.validation.check_is_fitted(self)
        x, y = library.validation.validate_data(self, X, y, reset=False, **self._kinds_of_data())
        return self._shaped(self.network_, x), self._targets(y)

    # the weights, by MLPClassifier's names

    @property
    def coefs_(self) -> list[Array]:
        """The weights of every layer, (inputs, outputs) each, as views of the network's."""
        return self._weights("W")

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of every layer, (outputs,) each, as views of the network's."""
        return self._weights("b")

    def _weights(self, letter: str) -> list[Array]:
        library.validation.check_is_fitted(self)
        if self.layers is not None:
            raise AttributeError(
                "coefs_ and intercepts_ are those of hidden_layer_sizes; with layers=, network_.parameters has every "
                "weight by its name"
            )
        dense = [line for line in self.network_.layout.lines if isinstance(line.layer, Dense)]
        return [self.network_.parameters[f"{letter}{k}"] for k in range(1, len(dense) + 1)]


def _go_on(network: Network, before: Network, owner: str) -> None:
    """Has a new network begin with the weights of another, and the optimizer with what it remembers.

    Raises:
        OptionError: where they do not fit.
    """
    shapes = {name: a.shape for name, a in {**network.parameters, **network.states}.items()}
    values = {**before.parameters, **before.states}
    if shapes != {name: a.shape for name, a in values.items()}:
        raise OptionError(
            f"{owner}: the layers are others than those of the last training, so that its weights do not fit; set "
            "warm_start=False, or make another estimator"
        )
    network.set_parameters(values)
    network.steps_taken = before.steps_taken
    network.optimizer_state = before.optimizer_state
