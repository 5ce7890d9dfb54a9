"""Scaling by constants, as it is written in PyTorch: (x - mu) / sigma of inputs, u * sigma + mu of predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...describe.layers import Standardize, Unstandardize
from .trace import Call
from .translation import Translation
from .values import Draft, Value, Weight, counted, same


@dataclass(frozen=True, slots=True)
class Half:
    """The first half of a scaling.

    Attributes:
        value: what is scaled.
        number: for every feature mu, which was subtracted, or sigma, with which it was multiplied.
        subtracted: which of the two.
    """

    value: Value
    number: Any
    subtracted: bool


def _features(t: Translation, call: Call, value: Value, constant: Any) -> Any:
    """A constant as a number for every feature, (C,); None where it is another one."""
    value = t.settled(value, call)
    source = value.source
    assert not isinstance(source, Weight)
    if not same(value.index, counted((t.samples, *source.shape))):
        return None
    image = len(source.shape) == 3
    shape = (source.shape[0], 1, 1) if image else source.shape[-1:]
    own = tuple(constant.shape)
    while len(own) > len(shape) and own[0] == 1:
        own = own[1:]
    return constant.reshape(-1) if own == shape else None


def begun(t: Translation, call: Call, value: Value, constant: Any, *, subtracted: bool) -> bool:
    """Takes the first half; False where it is none."""
    if isinstance(value.source, Draft) and value.source.layer is None and "inner" not in value.source.facts:
        return False
    number = _features(t, call, value, constant)
    if number is None:
        return False
    shape = tuple(value.index.shape[1:])
    draft = t.draft(None, (), shape, call, "scaling by constants that is neither (x - mu) / sigma nor u * sigma + mu")
    draft.facts["half"] = Half(value, number, subtracted)
    t.give(call.result, draft)
    return True


def ended(t: Translation, call: Call, value: Value, constant: Any, *, divided: bool) -> bool:
    """Takes the second half, and makes the layer; False where it is none."""
    half = value.source.facts.get("half") if isinstance(value.source, Draft) else None
    if not isinstance(half, Half) or half.subtracted != divided:
        return False
    number = _features(t, call, half.value, constant)
    if number is None or not same(value.index, counted(tuple(value.index.shape))):
        return False
    source = t.settled(half.value, call).source
    assert not isinstance(source, Weight)
    mu, sigma = (half.number, number) if divided else (number, half.number)
    draft = t.draft(Standardize() if divided else Unstandardize(), (source,), source.shape, call)
    draft.states = {"mu": mu, "sigma": sigma}
    t.give(call.result, draft)
    return True
