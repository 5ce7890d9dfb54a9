"""All of scikit-learn's own checks of estimators, those of `parametrize_with_checks`; none is expected to fail."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

import chalkgrad as cg

SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "classifier": ("ChalkgradClassifier", {}),
    "regressor": ("ChalkgradRegressor", {}),
    "classifier of layers": (
        "ChalkgradClassifier",
        {
            "layers": [cg.Dense(24), cg.LayerNorm(), cg.Tanh(), cg.Dense(12), cg.GELU()],
            "solver": cg.AdamW(0.01),
        },
    ),
    "regressor of layers": (
        "ChalkgradRegressor",
        {
            "layers": [cg.Dense(24), cg.SiLU(), cg.Residual([cg.Dense(24), cg.Tanh()])],
            "solver": cg.Adam(0.01),
        },
    ),
    "classifier by SGD": (
        "ChalkgradClassifier",
        {"hidden_layer_sizes": (10, 10), "activation": "tanh", "solver": "sgd", "learning_rate_init": 0.1},
    ),
}

MISSING = ("pandas", "SCIPY_ARRAY_API", "decision_function")
"""What a check is skipped for: it is not installed, not asked for, or neither ours nor MLPClassifier's."""


@pytest.mark.long
@pytest.mark.skipif(importlib.util.find_spec("sklearn") is None, reason="scikit-learn is not installed")
@pytest.mark.filterwarnings("ignore:(Chalkgrad|Stochastic Optimizer)")
@pytest.mark.parametrize(("name", "settings"), SETTINGS.values(), ids=SETTINGS)
def test_every_check_of_scikit_learn_passes(name: str, settings: dict[str, Any]) -> None:
    from sklearn.utils.estimator_checks import check_estimator

    results = check_estimator(getattr(cg, name)(**settings), on_skip=None, on_fail=None)
    assert not [r for r in results if r["status"] not in ("passed", "skipped")]
    reasons = {str(r["exception"]) for r in results if r["status"] == "skipped"}
    assert all(any(word in why for word in MISSING) for why in reasons), reasons
    assert len(results) > 50
