"""Attention over the steps of sequences, and the positions that tell its steps apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ... import rules
from ...base.checks import choice, flag, whole
from ...base.errors import OneShapeError, OptionError, ShapeError
from ...rules import Operation
from ..initializers import Initializer, initializer
from .layer import Layer, Parameter, SampleShape, check_mask, check_mask_shape, names_of
from .sequences import steps


@dataclass(frozen=True, slots=True)
class Attention(Layer):
    """Attention: every step takes of the values of all steps, as much as its query fits their keys.

    q = x Wq + bq, k = x Wk + bk, v = x Wv + bv; head m has the columns m*E and on, E = D / heads. In every head the
    scores S = q k^T / sqrt(E), their softmax A over the keys, and A v; these side by side are o, and y = o Wo + bo.

    Shapes: x (N, T, D), Wq, Wk, Wv, Wo (D, D), bq, bk, bv, bo (D,), S and A (N, heads, T, T), y (N, T, D).

    Attributes:
        heads: how many heads; they must divide D.
        causal: whether a step sees those before it and itself only.
        mask: the name of an input of the network, (N, T), that says which keys count: 1, and 0 for padding.
        bias: whether there are bq, bk, bv and bo.
        weights: how Wq, Wk, Wv and Wo start: an initialiser or its name; "auto" is "glorot".
        of: with two names, ("q", "kv"), the queries are of the first and keys and values of the second; T may differ.
    """

    masked: ClassVar[str] = "key"

    heads: int
    causal: bool = False
    mask: str | None = None
    bias: bool = True
    weights: str | Initializer = "auto"

    def check(self) -> None:
        whole("Attention", "heads", self.heads)
        flag("Attention", "causal", self.causal)
        flag("Attention", "bias", self.bias)
        check_mask("Attention", self.mask)
        if self.weights != "auto":
            initializer(self.weights)

    @property
    def takes(self) -> int:
        return 2

    @property
    def padding_mask(self) -> str | None:
        return self.mask

    @property
    def beside(self) -> tuple[str, ...]:
        return () if self.mask is None else (self.mask,)

    @property
    def cross(self) -> bool:
        """Whether keys and values are of another value than the queries."""
        return len(names_of("Attention", "of", self.of)) == 2

    def combined_shape(self, shapes: Sequence[SampleShape]) -> SampleShape:
        T, D = steps(self, shapes[0])
        keys, width = steps(self, shapes[1], 1) if self.cross else (T, D)
        if width != D:
            raise ShapeError(f"queries and keys must have the same width, not {D} and {width}; make them so by a Dense")
        if D % self.heads:
            fitting = [heads for heads in range(1, D + 1) if D % heads == 0]
            nearest = sorted(sorted(fitting, key=lambda heads: abs(heads - self.heads))[:3])
            raise OneShapeError(
                f"{self.heads} heads do not divide the width {D}; take {', '.join(map(str, nearest[:-1]))}"
                f"{' or ' * (len(nearest) > 1)}{nearest[-1]} heads, or another width"
            )
        check_mask_shape(self, shapes[-1], keys)
        return (T, D)

    def operation(self, training: bool) -> Operation:
        return rules.attention.KINDS[self.cross, self.causal, self.mask is not None]

    def options(self, shape: SampleShape) -> dict[str, Any]:
        return {"M": self.heads, "E": shape[1] // self.heads}

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        D = shape[1]
        start = initializer("glorot") if self.weights == "auto" else initializer(self.weights)
        found = {f"W{each}": Parameter((D, D), start, D, D, True) for each in "qkvo"}
        if self.bias:
            found.update({f"b{each}": Parameter((D,), initializer("zeros"), D, D, False) for each in "qkvo"})
        return found


@dataclass(frozen=True, slots=True)
class Positions(Layer):
    """Adds to every step a row of its own: z[n,t,d] = x[n,t,d] + P[t,d].

    Shapes: x (N, T, D), P (T, D), z (N, T, D).

    Attributes:
        form: "learnt": P is a parameter, for the T that the network was built with; "sinusoidal": sines in the even
            columns, cosines in the odd ones, of wave lengths from 2 pi to 20000 pi (Vaswani et al., 3.5).
        weights: how a learnt P starts: an initialiser or its name; "auto" draws from the normal distribution of
            deviation 0.02.
    """

    form: str = "learnt"
    weights: str | Initializer = "auto"

    def check(self) -> None:
        choice("Positions", "form", self.form, ("learnt", "sinusoidal"))
        if self.weights != "auto":
            initializer(self.weights)
            if self.form == "sinusoidal":
                raise OptionError("Positions: weights belong to learnt positions; sinusoidal ones have none")

    def output_shape(self, shape: SampleShape) -> SampleShape:
        _, D = steps(self, shape)
        if self.form == "sinusoidal" and D % 2:
            raise ShapeError(
                f"sinusoidal positions are pairs of a sine and a cosine, but the width is {D}; take {D + 1}, or learnt "
                "positions"
            )
        return shape

    def operation(self, training: bool) -> Operation:
        return rules.positions.learnt if self.form == "learnt" else rules.positions.sinusoidal

    def options(self, shape: SampleShape) -> dict[str, Any]:
        if self.form == "learnt":
            return {}
        T, D = shape
        return {"T": T, "H": D // 2, "longest": rules.positions.LONGEST, "quarter": rules.positions.QUARTER}

    def parameters(self, shape: SampleShape) -> dict[str, Parameter]:
        if self.form == "sinusoidal":
            return {}
        start = initializer("normal(0.02)") if self.weights == "auto" else initializer(self.weights)
        T, D = steps(self, shape)
        return {"P": Parameter((T, D), start, T, D, False)}
