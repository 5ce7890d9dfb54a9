"""scikit-learn, as far as the estimators need it; without it they can be imported, and say what is missing in use."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..base.errors import OptionError

_missing: Exception | None = None


class Base:
    """Stands in for scikit-learn's base class where it is not there."""

    def __sklearn_tags__(self) -> Any:
        raise NotImplementedError


class Mixin:
    """Stands in for its mixins."""

    def __sklearn_tags__(self) -> Any:
        raise NotImplementedError


BaseEstimator: type[Base] = Base
ClassifierMixin: type[Mixin] = Mixin
RegressorMixin: type[Mixin] = Mixin
metrics: Any = None
multiclass: Any = None
validation: Any = None
ConvergenceWarning: Any = None
check_random_state: Any = None

try:
    metrics = import_module("sklearn.metrics")
    multiclass = import_module("sklearn.utils.multiclass")
    validation = import_module("sklearn.utils.validation")
    ConvergenceWarning = import_module("sklearn.exceptions").ConvergenceWarning
    check_random_state = import_module("sklearn.utils").check_random_state
    _ = validation.validate_data  # since 1.6
    _base: Any = import_module("sklearn.base")
    BaseEstimator = _base.BaseEstimator
    ClassifierMixin, RegressorMixin = _base.ClassifierMixin, _base.RegressorMixin
except (ImportError, AttributeError) as error:
    _missing = error


def require(owner: str) -> None:
    """Raises OptionError where scikit-learn is not installed, or too old."""
    if _missing is not None:
        raise OptionError(
            f"{owner} needs scikit-learn, 1.6 or newer: pip install 'chalkgrad[sklearn]' ({_missing})"
        ) from _missing
