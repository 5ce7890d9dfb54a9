"""Initial values of weights, by name.

Every initialiser draws from a NumPy `Generator`. `fan_in` is the number of inputs that a weight's output sums
over, `fan_out` the number of outputs that an input reaches (for a kernel, times its area).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ..base.checks import choice, number, said
from ..base.errors import OptionError, UnknownNameError
from .foreign import cure

LARGEST = 1e30
"""Initial weights beyond this overflow float32 in the first products."""

Values: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"


@dataclass(frozen=True, slots=True)
class Normal:
    """Normal numbers with mean 0 and standard deviation `scale`; `Normal(0.01)` is a usual choice."""

    scale: float = 0.01

    def __post_init__(self) -> None:
        number("Normal", "scale", self.scale, 0.0, LARGEST)

    def draw(self, shape: tuple[int, ...], fan_in: int, fan_out: int, rng: np.random.Generator) -> Values:
        """Values of the given shape."""
        return self.scale * rng.standard_normal(shape)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Uniform numbers between -`scale` and `scale`."""

    scale: float = 0.05

    def __post_init__(self) -> None:
        number("Uniform", "scale", self.scale, 0.0, LARGEST)

    def draw(self, shape: tuple[int, ...], fan_in: int, fan_out: int, rng: np.random.Generator) -> Values:
        """Values of the given shape."""
        return rng.uniform(-self.scale, self.scale, shape)


@dataclass(frozen=True, slots=True)
class Constant:
    """One value everywhere."""

    value: float = 0.0

    def __post_init__(self) -> None:
        number("Constant", "value", self.value, -LARGEST, LARGEST)

    def draw(self, shape: tuple[int, ...], fan_in: int, fan_out: int, rng: np.random.Generator) -> Values:
        """Values of the given shape."""
        return np.full(shape, float(self.value))


@dataclass(frozen=True, slots=True)
class VarianceScaling:
    """Numbers of the variance gain / fan, so that signals neither grow nor fade from layer to layer.

    Attributes:
        gain: 2 for ReLUs (He et al., arXiv:1502.01852), 1 else (Glorot and Bengio, 2010; LeCun et al., 1998).
        fan: "in", or "mean" of fan_in and fan_out.
        distribution: "normal" or "uniform".
    """

    gain: float
    fan: str
    distribution: str

    def __post_init__(self) -> None:
        number("VarianceScaling", "gain", self.gain, 0.0, LARGEST)
        choice("VarianceScaling", "fan", self.fan, ("in", "mean"))
        choice("VarianceScaling", "distribution", self.distribution, ("normal", "uniform"))

    def draw(self, shape: tuple[int, ...], fan_in: int, fan_out: int, rng: np.random.Generator) -> Values:
        """Values of the given shape."""
        fan = fan_in if self.fan == "in" else (fan_in + fan_out) / 2
        deviation = math.sqrt(self.gain / max(fan, 1))
        if self.distribution == "normal":
            return deviation * rng.standard_normal(shape)
        return rng.uniform(-math.sqrt(3) * deviation, math.sqrt(3) * deviation, shape)


Initializer: TypeAlias = "Normal | Uniform | Constant | VarianceScaling"

INITIALIZERS: dict[str, Initializer] = {
    "he": VarianceScaling(2.0, "in", "normal"),
    "he_uniform": VarianceScaling(2.0, "in", "uniform"),
    "glorot": VarianceScaling(1.0, "mean", "uniform"),
    "glorot_normal": VarianceScaling(1.0, "mean", "normal"),
    "lecun": VarianceScaling(1.0, "in", "normal"),
    "lecun_uniform": VarianceScaling(1.0, "in", "uniform"),
    "normal": Normal(0.01),
    "uniform": Uniform(0.05),
    "zeros": Constant(0.0),
    "ones": Constant(1.0),
}
_WITH_VALUE: dict[str, type[Normal] | type[Uniform] | type[Constant]] = {
    "normal": Normal,
    "uniform": Uniform,
    "constant": Constant,
}


def initializer(initial: str | Initializer) -> Initializer:
    """An initialiser, by its name: "he", "zeros", ..., or with a value: "normal(0.01)", "constant(0.1)".

    Raises:
        UnknownNameError: where there is none of this name.
        OptionError: where the value in brackets is not a number.
    """
    if isinstance(initial, (Normal, Uniform, Constant, VarianceScaling)):
        return initial
    if not isinstance(initial, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise OptionError(
            f"an initialiser is a name such as 'he' or 'constant(0.1)', not {said(initial)}; the numbers themselves "
            "are given by set_parameters, in a worked example by its table [parameters]"
        )
    name, bracket, rest = initial.partition("(")
    if bracket and name in _WITH_VALUE:
        kind = _WITH_VALUE[name]
        try:
            value = float(rest.rstrip(") "))
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or not rest.endswith(")"):
            raise OptionError(f"the initialiser {said(initial)} needs a number in its brackets, as in '{name}(0.01)'")
        return kind(value)
    if initial not in INITIALIZERS:
        raise UnknownNameError(
            f"there is no initialiser {initial!r}; {cure('initialiser', initial, [*INITIALIZERS, 'constant'])}"
        )
    return INITIALIZERS[initial]


def initializer_name(initial: Initializer) -> str:
    """The name from which `initializer` makes this one.

    Raises:
        OptionError: where it has none.
    """
    for name, kind in _WITH_VALUE.items():
        if isinstance(initial, kind):
            value = initial.value if isinstance(initial, Constant) else initial.scale
            return f"{name}({float(value)!r})"
    for name, other in INITIALIZERS.items():
        if other == initial:
            return name
    raise OptionError(f"{said(initial)} is none of the named initialisers and cannot be written to a file")
