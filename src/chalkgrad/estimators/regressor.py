"""The regressor."""

from __future__ import annotations

from typing import Any, Self

from ..describe.layers import Dense, Layer
from ..describe.losses import Loss, SquaredError
from ..model.model import Array, Model
from . import library
from .estimator import Estimator


class ChalkgradRegressor(library.RegressorMixin, Estimator):
    """A regressor for scikit-learn whose network can be opened.

    The network ends in a dense layer; its loss is half the squared error, summed over the outputs. `Estimator` lists
    the settings and the attributes.
    """

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One epoch over these samples, from where the last training ended.

        Args:
            X: samples (N, features).
            y: their targets, (N,) or (N, outputs).
            sample_weight: as for `fit`.

        Raises:
            ValueError: where X, y or a setting cannot be used.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> Array:
        """The numbers for each sample, (N,), or (N, outputs) where y had several."""
        y_hat = self._outputs(X)
        return y_hat[:, 0] if y_hat.shape[1] == 1 else y_hat

    def _kinds_of_data(self) -> dict[str, Any]:
        return {**super()._kinds_of_data(), "y_numeric": True}

    def _targets(self, y: Any) -> Array:
        if y.ndim == 2 and y.shape[1] == 1:
            y = library.validation.column_or_1d(y, warn=True)
        return y

    def _ending(self, y: Array) -> tuple[list[Layer], Loss, str]:
        return [Dense(y.shape[1] if y.ndim == 2 else 1)], SquaredError(scale=0.5), "identity"

    def _score_of(self, network: Model, x: Array, y: Array, weights: Array | None) -> float:
        return float(library.metrics.r2_score(y, network.predict(x), sample_weight=weights))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
