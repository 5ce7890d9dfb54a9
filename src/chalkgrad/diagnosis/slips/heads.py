"""Slips of attention that no formula of one rule says: heads split by reshaping, and a mask forgotten on both ways."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ...program import Program
from ...rules import Rule, attention
from .slip import Slip

Array = Any
TEXT = "the heads are split by reshaping alone, without transposing: a head gets columns of several steps"
BOTH = "the heads are split and joined by reshaping alone, without transposing: a head gets columns of several steps"


def heads_by_reshaping(program: Program) -> Iterator[Slip]:
    """Heads that are read from (N, T, M E) as (N, M, T, E) without a transpose, in every step that reads them."""
    for words, wrong_of in ((TEXT, _WRONG), (BOTH, _WRONG | _JOINED)):
        for step in program:
            function = wrong_of.get(step.rule)
            heads = step.settings.get("M", 1)
            if function is not None and heads > 1:
                wrong = f"{step.output} with (N, T, {heads} E) read as (N, {heads}, T, E)"
                yield Slip(
                    step.output, step, words, 1.0, step.inputs, partial(function, heads), wrong=wrong, general=words
                )  # fmt: skip


def unmasked_back(program: Program) -> Iterator[Slip]:
    """The causal mask left out on the way back; by itself it does nothing, since masked weights are 0."""
    for step in program:
        if step.rule is attention.causal_dS:
            wrong = f"{step.output} = {step.inputs[0]}"
            words = attention.UNMASKED
            yield Slip(step.output, step, words, 1.0, step.inputs, _as_it_is, wrong=wrong, general=words)


def _as_it_is(dB: Array) -> Array:
    return dB * 1


def _reshaped(x: Array, M: int) -> Array:
    """x (N, T, D) read as heads (N, M, T, E)."""
    return x.reshape((x.shape[0], M, x.shape[1], x.shape[2] // M))


def _back(x: Array) -> Array:
    """The way back from `_reshaped`."""
    return x.reshape((x.shape[0], x.shape[2], x.shape[1] * x.shape[3]))


def _scores(M: int, q: Array, k: Array) -> Array:
    return _reshaped(q, M) @ _reshaped(k, M).mT / math.sqrt(q.shape[2] // M)


def _scores_dq(M: int, dS: Array, k: Array) -> Array:
    return _back(dS @ _reshaped(k, M)) / math.sqrt(k.shape[2] // M)


def _scores_dk(M: int, dS: Array, q: Array) -> Array:
    return _scores_dq(M, dS.mT, q)


def _weighted(M: int, A: Array, v: Array) -> Array:
    return attention.joined(A @ _reshaped(v, M))


def _weighted_dA(M: int, do: Array, v: Array, A: Array) -> Array:
    return attention.heads(do, M) @ _reshaped(v, M).mT


def _weighted_dv(M: int, A: Array, do: Array) -> Array:
    return _back(A.mT @ attention.heads(do, M))


def _joined(M: int, A: Array, v: Array) -> Array:
    return _back(A @ _reshaped(v, M))


def _joined_dA(M: int, do: Array, v: Array, A: Array) -> Array:
    return _reshaped(do, M) @ _reshaped(v, M).mT


def _joined_dv(M: int, A: Array, do: Array) -> Array:
    return _back(A.mT @ _reshaped(do, M))


_JOINED: dict[Rule, Callable[..., Array]] = {
    attention.weighted: _joined,
    attention.weighted_dA: _joined_dA,
    attention.weighted_dv: _joined_dv,
}
_WRONG: dict[Rule, Callable[..., Array]] = {
    attention.scores: _scores,
    attention.scores_dq: _scores_dq,
    attention.scores_dk: _scores_dk,
    attention.weighted: _weighted,
    attention.weighted_dA: _weighted_dA,
    attention.weighted_dv: _weighted_dv,
}
