"""scikit-learn's MLPClassifier and chalkgrad's on the digits: accuracy on a quarter set aside, and seconds to fit.

    python benchmarks/estimators.py [--seeds 5]

The same settings for both, every seed with a split of its own; they take turns. Their initial weights and orders are
drawn otherwise, so that accuracies agree on average only.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import chalkgrad as cg

SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "early stopping": {"early_stopping": True, "learning_rate_init": 0.01},
    "sgd, two layers": {"hidden_layer_sizes": (64, 32), "solver": "sgd", "learning_rate_init": 0.1, "max_iter": 100},
}
MAKERS = {
    "MLPClassifier": MLPClassifier,
    "chalkgrad, numpy": lambda **settings: cg.ChalkgradClassifier(engine="numpy", **settings),
    "chalkgrad, auto": cg.ChalkgradClassifier,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds (default 5)")
    seeds = parser.parse_args().seeds
    warnings.simplefilter("ignore", ConvergenceWarning)
    x, y = load_digits(return_X_y=True)
    x = x / 16
    print(f"{'settings':16} {'estimator':17} {'accuracy':>15} {'seconds':>8} {'epochs':>7}")
    for name, settings in SETTINGS.items():
        found: dict[str, list[tuple[float, float, int]]] = {maker: [] for maker in MAKERS}
        for seed in range(seeds):
            x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=seed)
            for maker, make in MAKERS.items():
                begin = time.perf_counter()
                estimator: Any = make(random_state=seed, **settings).fit(x_train, y_train)
                seconds = time.perf_counter() - begin
                found[maker].append((estimator.score(x_test, y_test), seconds, estimator.n_iter_))
        for maker, rows in found.items():
            scores, seconds, epochs = map(list, zip(*rows, strict=True))
            accuracy = f"{np.mean(scores):.2%} ± {np.std(scores):.2%}"
            median, count = statistics.median(seconds), statistics.median(epochs)
            print(f"{name:16} {maker:17} {accuracy:>15} {median:8.2f} {count:7.0f}")


if __name__ == "__main__":
    main()
