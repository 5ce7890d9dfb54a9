"""scikit-learn's estimators: a classifier and a regressor whose network can be opened. They need scikit-learn."""

from __future__ import annotations

from .classifier import ChalkgradClassifier
from .regressor import ChalkgradRegressor

__all__ = ["ChalkgradClassifier", "ChalkgradRegressor"]
