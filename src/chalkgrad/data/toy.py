"""Small point clouds in the plane: spirals and vertical stripes, as in the package nnfs."""

from __future__ import annotations

import numpy as np

from ..base.checks import number, whole
from ..base.checks import seed as check_seed
from ..base.seeds import SEEDS
from .dataset import Array, Dataset


def spiral_data(samples: int = 100, classes: int = 3, *, seed: int = 0, noise: float = 0.2) -> tuple[Array, Array]:
    """Points on `classes` arms of a spiral: x (samples*classes, 2) float32, class numbers (samples*classes,).

    Every arm goes out from the centre to radius 1 while it turns by 4 radians times 2.5; `noise` is the
    standard deviation of the angle's error in radians, before the factor 2.5.
    """
    whole("spiral_data", "samples", samples)
    whole("spiral_data", "classes", classes)
    check_seed("spiral_data", seed)
    number("spiral_data", "noise", noise, 0.0, 1e6)
    rng = np.random.default_rng(seed)
    radius = np.tile(np.linspace(0, 1, samples), classes)
    label = np.repeat(np.arange(classes), samples)
    angle = np.linspace(0, 4, samples)[None] + 4 * np.arange(classes)[:, None]
    angle = 2.5 * (angle.ravel() + noise * rng.standard_normal(samples * classes))
    x = radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return x.astype(np.float32), label.astype(np.int64)


def vertical_data(samples: int = 100, classes: int = 3, *, seed: int = 0, noise: float = 0.1) -> tuple[Array, Array]:
    """Point clouds side by side: x (samples*classes, 2) float32, class numbers (samples*classes,).

    Class c lies around (c / classes, 0.5) with standard deviation `noise` both ways.
    """
    whole("vertical_data", "samples", samples)
    whole("vertical_data", "classes", classes)
    check_seed("vertical_data", seed)
    number("vertical_data", "noise", noise, 0.0, 1e6)
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(classes), samples)
    centre = np.stack([label / classes, np.full(len(label), 0.5)], axis=1)
    x = centre + noise * rng.standard_normal(centre.shape)
    return x.astype(np.float32), label.astype(np.int64)


def spiral(seed: int = 0) -> Dataset:
    """Three spiral arms, 300 points to train on and 300 others to test on."""
    return _dataset("spiral", spiral_data(seed=seed), spiral_data(seed=(seed + 1) % SEEDS))


def vertical(seed: int = 0) -> Dataset:
    """Three vertical stripes, 300 points to train on and 300 others to test on."""
    return _dataset("vertical", vertical_data(seed=seed), vertical_data(seed=(seed + 1) % SEEDS))


def _dataset(name: str, train: tuple[Array, Array], test: tuple[Array, Array]) -> Dataset:
    return Dataset(name, *train, *test, ("0", "1", "2"), f"{name} data as in the package nnfs, drawn by chalkgrad")
