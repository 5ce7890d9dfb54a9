"""The classifier."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ..base.checks import said
from ..base.errors import DataError
from ..describe.layers import Dense, Layer, Sigmoid, Softmax
from ..describe.losses import BinaryCrossEntropy, CrossEntropy, Loss
from ..model.model import Array, Model
from . import library
from .estimator import Estimator

MULTILABEL = "multilabel-indicator"


class ChalkgradClassifier(library.ClassifierMixin, Estimator):
    """A classifier for scikit-learn whose network can be opened.

    The network ends in one sigmoid for two classes, in a softmax for more, and in a sigmoid for each of several labels
    at once; its loss is the cross-entropy. `Estimator` lists the settings and the other attributes.

    Attributes:
        classes_: the class labels in order; 0, 1, ... for several labels at once.
    """

    classes_: Array
    _multilabel: bool

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """One epoch over these samples, from where the last training ended.

        Args:
            X: samples (N, features).
            y: their labels, as for `fit`.
            classes: all labels that there will be; needed in the first call, and may be left out later.
            sample_weight: as for `fit`.

        Raises:
            ValueError: where X, y or a setting cannot be used, or y has a label that `classes` did not name.
        """
        if not hasattr(self, "network_"):
            if classes is None:
                raise DataError("classes must be passed on the first call to partial_fit: all labels that will come")
        elif classes is not None and not np.array_equal(self.classes_, library.multiclass.unique_labels(classes)):
            raise DataError(f"classes={said(classes)} are not those of the first call, {self.classes_.tolist()}")
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X: Any) -> Array:
        """The label of each sample, (N,); for several labels at once rows of 0 and 1, (N, labels)."""
        return self._decided(self._outputs(X))

    def predict_proba(self, X: Any) -> Array:
        """The probability of every class in the order of `classes_`, (N, classes); of every label, (N, labels)."""
        y_hat = self._outputs(X)
        return np.hstack([1 - y_hat, y_hat]) if y_hat.shape[1] == 1 and not self._multilabel else y_hat

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _decided(self, y_hat: Array) -> Array:
        if self._multilabel:
            return (y_hat > self.network_.loss_function.threshold).astype(int)
        return self.classes_[self.network_.classes(y_hat)]

    def _begin(self, y: Any, classes: Any) -> None:
        self._multilabel = _kind(y) == MULTILABEL
        if self._multilabel:
            self.classes_ = np.arange(y.shape[1])
            return
        found = library.multiclass.unique_labels(_column(y) if classes is None else classes)
        if len(found) < 2:
            raise DataError(f"y has one class only, {found.tolist()[0]!r}; a classifier needs two classes or more")
        self.classes_ = found

    def _targets(self, y: Any) -> Array:
        kind = _kind(y)
        if (kind == MULTILABEL) != self._multilabel or (self._multilabel and y.shape[1] != len(self.classes_)):
            first = f"rows of {len(self.classes_)} labels" if self._multilabel else "one label a sample"
            raise DataError(f"y was {first} in the first training; it is {kind}, shape {y.shape}, now")
        if self._multilabel:
            return y
        y = _column(y)
        classes: Any = self.classes_
        known = np.isin(y, classes)
        if not known.all():
            raise DataError(
                f"y has the class {said(y[~known].tolist()[0])}, which is not among classes_ {self.classes_.tolist()}; "
                "name all classes in the first call to partial_fit, or set warm_start=False"
            )
        return classes.searchsorted(y)

    def _ending(self, y: Array) -> tuple[list[Layer], Loss, str]:
        if self._multilabel or len(self.classes_) == 2:
            outputs = len(self.classes_) if self._multilabel else 1
            return [Dense(outputs), Sigmoid()], BinaryCrossEntropy(), "logistic"
        return [Dense(len(self.classes_)), Softmax()], CrossEntropy(), "softmax"

    def _strata(self, y: Array) -> Array | None:
        return None if self._multilabel else y

    def _score_of(self, network: Model, x: Array, y: Array, weights: Array | None) -> float:
        y_hat = network.predict(x)
        found = y_hat > network.loss_function.threshold if self._multilabel else network.classes(y_hat)
        return float(library.metrics.accuracy_score(y, found, sample_weight=weights))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _kind(y: Any) -> str:
    """What scikit-learn says that y is. Raises ValueError where a classifier takes no such targets."""
    library.multiclass.check_classification_targets(y)
    kind = library.multiclass.type_of_target(y, input_name="y")
    if kind == "multiclass-multioutput":
        raise DataError("y has several columns of classes; take one label a sample, or columns of 0 and 1")
    return kind


def _column(y: Any) -> Any:
    return library.validation.column_or_1d(y, warn=True)
