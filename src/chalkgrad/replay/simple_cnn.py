"""The convolutional network's class that is trained to the end, with the backward pass that it has.

Its mistakes: w9 to w12 are updated before they carry the error back; H1 gets the error of O1 alone and H2 that of
O2 alone, each through both weights there; H(1 - H) is left out; w1 to w8 are never updated. It runs on Python's
numbers, which for so small a network are several times as fast as arrays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Numbers = Sequence[float]


@dataclass(frozen=True, slots=True)
class Training:
    """The result of a training.

    Attributes:
        iterations: updates made.
        error: the last error.
        outputs: the last O1 and O2.
    """

    iterations: int
    error: float
    outputs: tuple[float, float]


class SimpleCNN:
    """The weights and the two passes.

    Args:
        weights: the kernel's four, w1 to w8, w9 to w12.
        image: the rows of the image, 5 x 5.
        targets: those of O1 and O2.
    """

    def __init__(self, weights: Numbers, image: Sequence[Numbers], targets: Numbers) -> None:
        self.kernel = [float(w) for w in weights[:4]]
        self.to_h1 = [float(w) for w in weights[4:8]]
        self.to_h2 = [float(w) for w in weights[8:12]]
        self.out: list[float] = [float(w) for w in weights[12:]]
        self.targets = float(targets[0]), float(targets[1])
        rows = [[float(v) for v in row] for row in image]
        # of every pooling window the four patches that the kernel meets there
        self.windows = [
            [
                (rows[i][j], rows[i][j + 1], rows[i + 1][j], rows[i + 1][j + 1])
                for i in (top, top + 1)
                for j in (left, left + 1)
            ]
            for top in (0, 2)
            for left in (0, 2)
        ]

    def forward(self) -> float:
        """Computes S, H and O and returns the error E."""
        k1, k2, k3, k4 = self.kernel
        self.features: list[float] = []
        self.patches: list[tuple[float, float, float, float]] = []
        for window in self.windows:
            best, where = -math.inf, window[0]
            for patch in window:
                value = patch[0] * k1 + patch[1] * k2 + patch[2] * k3 + patch[3] * k4
                if value > best:
                    best, where = value, patch
            self.features.append(_sigmoid(best))
            self.patches.append(where)
        s1, s2, s3, s4 = self.features
        w1, w2, w3, w4 = self.to_h1
        w5, w6, w7, w8 = self.to_h2
        self.h1 = _sigmoid(s1 * w1 + s2 * w2 + s3 * w3 + s4 * w4)
        self.h2 = _sigmoid(s1 * w5 + s2 * w6 + s3 * w7 + s4 * w8)
        w9, w10, w11, w12 = self.out
        self.o1 = _sigmoid(w9 * self.h1 + w10 * self.h2)
        self.o2 = _sigmoid(w11 * self.h1 + w12 * self.h2)
        t1, t2 = self.targets
        return (t1 - self.o1) ** 2 + (t2 - self.o2) ** 2

    def backward(self, rate: float) -> None:
        """Updates w9 to w12, then the kernel, and keeps what it computed on the way."""
        o1, o2, h1, h2 = self.o1, self.o2, self.h1, self.h2
        e1, e2 = -2 * (self.targets[0] - o1), -2 * (self.targets[1] - o2)
        slope1, slope2 = o1 * (1 - o1), o2 * (1 - o2)
        self.out_gradients = e1 * slope1 * h1, e1 * slope1 * h2, e2 * slope2 * h1, e2 * slope2 * h2
        w9, w10, w11, w12 = self.out = [w - rate * g for w, g in zip(self.out, self.out_gradients, strict=True)]
        by_h1, by_h2 = e1 * w9 + e1 * w11, e2 * w10 + e2 * w12
        self.feature_gradients = [
            v1 * by_h1 * slope1 + v2 * by_h2 * slope2 for v1, v2 in zip(self.to_h1, self.to_h2, strict=True)
        ]
        g1 = g2 = g3 = g4 = 0.0
        for gradient, s, (p1, p2, p3, p4) in zip(self.feature_gradients, self.features, self.patches, strict=True):
            inside = gradient * s * (1 - s)
            g1 += p1 * inside
            g2 += p2 * inside
            g3 += p3 * inside
            g4 += p4 * inside
        self.kernel_gradients = g1, g2, g3, g4
        self.kernel = [w - rate * g for w, g in zip(self.kernel, self.kernel_gradients, strict=True)]

    def train(self, rate: float, below: float, most: int = 1_000_000) -> Training:
        """Updates until the error is below the given one, or `most` updates are made."""
        iterations, error = 0, self.forward()
        while error >= below and iterations < most:
            self.backward(rate)
            iterations, error = iterations + 1, self.forward()
        return Training(iterations, error, (self.o1, self.o2))


def _sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))
