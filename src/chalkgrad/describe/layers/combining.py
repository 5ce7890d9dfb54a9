"""Layers that take several values: sums, products, and values side by side; and the residual block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ... import rules
from ...base.checks import as_list, said
from ...base.errors import OptionError, ShapeError
from ...rules import Operation
from .layer import Layer, SampleShape, names_of

MOST = 4
"""The most values that a line adds, or puts side by side."""
DEEPEST = 32
"""The deepest level of blocks in blocks: files and copies are read and written level by level."""


@dataclass(frozen=True, slots=True)
class Combining(Layer):
    """Base of layers that take the line before, or what `of` names, and others beside it.

    Attributes:
        others: the name of the other value, or their names.
    """

    others: str | Sequence[str] = ()

    if not TYPE_CHECKING:  # type checkers know the fields

        def __new__(cls, *names: Any, **settings: Any) -> Any:
            if len(names) > 1:
                raise TypeError(f"{cls.__name__} takes several names as a list, {cls.__name__}({said(list(names))})")
            return Layer.__new__(cls, *names, **settings)

    def check(self) -> None:
        count = len(self.beside) + max(len(names_of(self.kind, "of", self.of)), 1)
        if count < 2:
            raise OptionError(f"{self.kind} takes the line before and another: name it, {self.kind}('a')")
        if count > self.takes:
            raise OptionError(f"{self.kind} takes {self.takes} values at most; put a second {self.kind} after it")

    @property
    def takes(self) -> int:
        return MOST

    @property
    def beside(self) -> tuple[str, ...]:
        return names_of(self.kind, "others", self.others)

    def combined_shape(self, shapes: Sequence[SampleShape]) -> SampleShape:
        """The output's shape for inputs of these shapes. Raises ShapeError where they do not fit together."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class _Elementwise(Combining):
    def combined_shape(self, shapes: Sequence[SampleShape]) -> SampleShape:
        if len(set(shapes)) > 1:
            raise ShapeError("they must have the same shape")
        return shapes[0]


@dataclass(frozen=True, slots=True)
class Add(_Elementwise):
    """The sum of several values of the same shape, element by element: a skip connection.

    `Add("a")` adds the value of the line `a` to that of the line before.
    """

    def operation(self, training: bool) -> Operation:
        return rules.add.operation


@dataclass(frozen=True, slots=True)
class Multiply(_Elementwise):
    """The product of two values of the same shape, element by element: a gate."""

    @property
    def takes(self) -> int:
        return 2

    def operation(self, training: bool) -> Operation:
        return rules.multiply.operation


@dataclass(frozen=True, slots=True)
class Concat(Combining):
    """Several values side by side: (N, I) and (N, J) become (N, I + J), and so at every step of sequences (N, T, D); of
    images (N, C, H, W), the channels.
    """

    per_step: ClassVar[bool] = True

    def combined_shape(self, shapes: Sequence[SampleShape]) -> SampleShape:
        if len(shapes[0]) == 2:  # what is a sequence here has another number of steps
            raise ShapeError("they must have as many steps")
        if len({(len(s), *s[1:]) for s in shapes}) > 1:
            condition = "as many axes" if len({len(s) for s in shapes}) > 1 else "the same sizes, the channels aside"
            raise ShapeError(f"they must have {condition}")
        return (sum(s[0] for s in shapes), *shapes[0][1:])

    def operation(self, training: bool) -> Operation:
        return rules.concat.operation

    def combined_options(self, shapes: Sequence[SampleShape]) -> dict[str, Any]:
        widths = [s[0] for s in shapes] + [0] * (MOST - len(shapes))
        offsets = [sum(widths[:i]) for i in range(MOST)]
        return {**{f"o{i + 1}": offset for i, offset in enumerate(offsets)}, "K": sum(widths)}


@dataclass(frozen=True, slots=True)
class Residual(Layer):
    """A block of layers whose input is added to its output: the same as their lines and an `Add`.

    Attributes:
        layers: the layers in order; the first takes what the block takes.
    """

    layers: Sequence[Layer] = ()

    def check(self) -> None:
        layers = as_list(self.layers)
        if not layers:
            raise OptionError(f"Residual takes a list of layers, Residual([Dense(8), ReLU()]), not {said(self.layers)}")
        for layer in layers:
            if not isinstance(layer, Layer):
                write = f"; write {layer.__name__}(...)" if isinstance(layer, type) else ""
                raise OptionError(f"Residual: {said(layer)} is no layer{write}")
        depth, blocks = 0, [self]
        while blocks:
            blocks = [inner for block in blocks for inner in block.layers if isinstance(inner, Residual)]
            depth += 1
        if depth > DEEPEST:
            raise OptionError(f"Residual: blocks lie in blocks more than {DEEPEST} deep")
        if len(names_of("Residual", "of", self.of)) > 1:
            raise OptionError("Residual takes one value; combine several before it, Add('a')")

    def operation(self, training: bool) -> Operation:
        raise TypeError("a Residual is its layers and an Add")
