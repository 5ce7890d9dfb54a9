"""Attention: every place asks all places, by products of queries and keys, how much of each one's value it takes.

Head m has the columns m*E to m*E+E-1 of the queries, keys and values. The products of its queries and keys, divided by
the root of its width E, are the scores S; their softmax over the keys is the weights A, by which the values are added.
"""

from __future__ import annotations

import math

from . import softmax
from .arrays import counted, namespace
from .dense import dense, dense_db, dense_dW, dense_dx
from .derived import over_time, renamed, spread_over, variant
from .rule import Array, Operation, Rule, mistake, rule

SOURCE = "Vaswani et al., arXiv:1706.03762, 3.2"
LOW = 1e30
"""A score of -LOW, far below all others, has the weight 0: its exponential is 0 exactly."""


def heads(x: Array, M: int) -> Array:
    """The columns of x (N, T, D) as those of M heads, (N, M, T, E)."""
    return x.reshape((*x.shape[:2], M, x.shape[2] // M)).swapaxes(1, 2)


def joined(x: Array) -> Array:
    """The columns of M heads (N, M, T, E) side by side, (N, T, D)."""
    return x.swapaxes(1, 2).reshape((x.shape[0], x.shape[2], x.shape[1] * x.shape[3]))


def _misread(x: Array, M: int) -> Array:
    """The columns of x (N, T, D) as heads (N, M, T, E), head m having every M-th column from the m-th on."""
    return x.reshape((*x.shape[:2], x.shape[2] // M, M)).swapaxes(1, 3).swapaxes(2, 3)


def _joined_misread(x: Array) -> Array:
    """The way back from `_misread`: (N, M, T, E) as (N, T, D)."""
    return x.swapaxes(1, 2).swapaxes(2, 3).reshape((x.shape[0], x.shape[2], x.shape[1] * x.shape[3]))


_WITHOUT_ROOT = "divided by the width E of a head, not by its root"
_WHOLE_WIDTH = "divided by the root of the width of all heads, not of one"


# -- scores ------------------------------------------------------------------------------------------------------------


@rule(
    "S[n,m,t,j] = (sum_i q[n,t,m*E+i] * k[n,j,m*E+i]) / sqrt(E) for m<M, i<E",
    source=SOURCE + ".1, (1)",
)
def scores(q: Array, k: Array, *, M: int, E: int) -> Array:
    """Scores S (N, M, T, J) of the queries q (N, T, D) and the keys k (N, J, D)."""
    return heads(q, M) @ heads(k, M).mT / math.sqrt(E)


@rule("dq[n,t,m*E+i] += (sum_j dS[n,m,t,j] * k[n,j,m*E+i]) / sqrt(E) for i<E")
def scores_dq(dS: Array, k: Array, *, E: int) -> Array:
    """dq (N, T, D) of dS (N, M, T, J) and the keys k (N, J, D)."""
    return joined(dS @ heads(k, dS.shape[1])) / math.sqrt(E)


@rule("dk[n,j,m*E+i] += (sum_t dS[n,m,t,j] * q[n,t,m*E+i]) / sqrt(E) for i<E")
def scores_dk(dS: Array, q: Array, *, E: int) -> Array:
    """dk (N, J, D) of dS (N, M, T, J) and the queries q (N, T, D)."""
    return joined(dS.mT @ heads(q, dS.shape[1])) / math.sqrt(E)


@mistake(scores, "S[n,m,t,j] = sum_i q[n,t,m*E+i] * k[n,j,m*E+i] for m<M, i<E", "1/sqrt(E), the scale, is left out")
def scores_unscaled(q: Array, k: Array, *, M: int, E: int) -> Array:
    return heads(q, M) @ heads(k, M).mT


@mistake(
    scores,
    "S[n,m,t,j] = (sum_i q[n,t,m*E+i] * k[n,j,m*E+i]) / E for m<M, i<E",
    _WITHOUT_ROOT,
)
def scores_without_root(q: Array, k: Array, *, M: int, E: int) -> Array:
    return heads(q, M) @ heads(k, M).mT / E


@mistake(
    scores,
    "S[n,m,t,j] = (sum_i q[n,t,m*E+i] * k[n,j,m*E+i]) / sqrt(M * E) for m<M, i<E",
    _WHOLE_WIDTH,
)
def scores_by_the_whole_width(q: Array, k: Array, *, M: int, E: int) -> Array:
    return heads(q, M) @ heads(k, M).mT / math.sqrt(M * E)


@mistake(
    scores,
    "S[n,m,t,j] = (sum_i q[n,t,i*M+m] * k[n,j,i*M+m]) / sqrt(E) for m<M, i<E",
    "the columns are split into heads without transposing: head m gets every M-th column from m on",
)
def scores_misread(q: Array, k: Array, *, M: int, E: int) -> Array:
    return _misread(q, M) @ _misread(k, M).mT / math.sqrt(E)


@mistake(
    scores,
    "S[n,m,t,j] = (sum_i q[n,j,m*E+i] * k[n,t,m*E+i]) / sqrt(E) for m<M, i<E",
    "{q} and {k} are exchanged: the scores are transposed",
)
def scores_exchanged(q: Array, k: Array, *, M: int, E: int) -> Array:
    return heads(k, M) @ heads(q, M).mT / math.sqrt(E)


@mistake(scores_dq, "dq[n,t,m*E+i] += sum_j dS[n,m,t,j] * k[n,j,m*E+i] for i<E", "1/sqrt(E), the scale, is left out")
def scores_dq_unscaled(dS: Array, k: Array, *, E: int) -> Array:
    return joined(dS @ heads(k, dS.shape[1]))


@mistake(scores_dq, "dq[n,t,m*E+i] += (sum_j dS[n,m,t,j] * k[n,j,m*E+i]) / E for i<E", _WITHOUT_ROOT)
def scores_dq_without_root(dS: Array, k: Array, *, E: int) -> Array:
    return joined(dS @ heads(k, dS.shape[1])) / E


@mistake(scores_dq, "dq[n,t,m*E+i] += (sum_j dS[n,m,t,j] * k[n,j,m*E+i]) / sqrt(|m| * E) for i<E", _WHOLE_WIDTH)
def scores_dq_by_the_whole_width(dS: Array, k: Array, *, E: int) -> Array:
    return joined(dS @ heads(k, dS.shape[1])) / math.sqrt(dS.shape[1] * E)


@mistake(
    scores_dq,
    "dq[n,t,m*E+i] += (sum_j dS[n,m,j,t] * k[n,j,m*E+i]) / sqrt(E) for i<E",
    "{dS} is taken transposed: the sum goes over the queries",
)
def scores_dq_transposed(dS: Array, k: Array, *, E: int) -> Array:
    return joined(dS.mT @ heads(k, dS.shape[1])) / math.sqrt(E)


@mistake(
    scores_dq,
    "dq[n,t,m*E+i] += (sum_j dS[n,m,t,j] * q[n,j,m*E+i]) / sqrt(E) for i<E",
    "{q} is taken in place of {k}",
)
def scores_dq_of_q(dS: Array, q: Array, *, E: int) -> Array:
    return joined(dS @ heads(q, dS.shape[1])) / math.sqrt(E)


@mistake(
    scores_dq,
    "dq[n,t,i*M+m] += (sum_j dS[n,m,t,j] * k[n,j,i*M+m]) / sqrt(E) for i<E",
    "the columns are split into heads without transposing: head m gets every M-th column from m on",
)
def scores_dq_misread(dS: Array, k: Array, *, M: int, E: int) -> Array:
    return _joined_misread(dS @ _misread(k, M)) / math.sqrt(E)


@mistake(scores_dk, "dk[n,j,m*E+i] += sum_t dS[n,m,t,j] * q[n,t,m*E+i] for i<E", "1/sqrt(E), the scale, is left out")
def scores_dk_unscaled(dS: Array, q: Array, *, E: int) -> Array:
    return joined(dS.mT @ heads(q, dS.shape[1]))


@mistake(scores_dk, "dk[n,j,m*E+i] += (sum_t dS[n,m,t,j] * q[n,t,m*E+i]) / E for i<E", _WITHOUT_ROOT)
def scores_dk_without_root(dS: Array, q: Array, *, E: int) -> Array:
    return scores_dq_without_root(dS.mT, q, E=E)


@mistake(scores_dk, "dk[n,j,m*E+i] += (sum_t dS[n,m,t,j] * q[n,t,m*E+i]) / sqrt(|m| * E) for i<E", _WHOLE_WIDTH)
def scores_dk_by_the_whole_width(dS: Array, q: Array, *, E: int) -> Array:
    return scores_dq_by_the_whole_width(dS.mT, q, E=E)


@mistake(
    scores_dk,
    "dk[n,j,m*E+i] += (sum_t dS[n,m,j,t] * q[n,t,m*E+i]) / sqrt(E) for i<E",
    "the transpose of {dS} is left out: the sum goes over the keys",
)
def scores_dk_untransposed(dS: Array, q: Array, *, E: int) -> Array:
    return joined(dS @ heads(q, dS.shape[1])) / math.sqrt(E)


@mistake(
    scores_dk,
    "dk[n,j,m*E+i] += (sum_t dS[n,m,t,j] * k[n,t,m*E+i]) / sqrt(E) for i<E",
    "{k} is taken in place of {q}",
)
def scores_dk_of_k(dS: Array, k: Array, *, E: int) -> Array:
    return joined(dS.mT @ heads(k, dS.shape[1])) / math.sqrt(E)


# -- masks -------------------------------------------------------------------------------------------------------------


@rule(
    f"B[n,m,t,j] = S[n,m,t,j] * [j <= t] - {LOW:g} * [j > t]",
    source=SOURCE + ".3 (masking, before the softmax)",
)
def causal(S: Array) -> Array:
    """B (N, M, T, J) of the scores S (N, M, T, J): the scores of later places are far below all others."""
    xp = namespace(S)
    return xp.where(_until(S, 0), S, -LOW)


def _until(S: Array, last: int) -> Array:
    """Where j <= t + last, (T, J)."""
    return counted(S.shape[3], S) <= counted(S.shape[2], S)[:, None] + last


@rule("dS[n,m,t,j] = dB[n,m,t,j] * [j <= t]", exact=True)
def causal_dS(dB: Array) -> Array:
    """dS (N, M, T, J) of dB (N, M, T, J): a later place's score has no effect."""
    xp = namespace(dB)
    return xp.where(_until(dB, 0), dB, 0.0)


UNMASKED = "the mask is left out: every place sees those after it"


@mistake(causal, "B[n,m,t,j] = S[n,m,t,j]", UNMASKED)
def causal_left_out(S: Array) -> Array:
    return S * 1


@mistake(
    causal,
    f"B[n,m,t,j] = S[n,m,t,j] * [j < t] - {LOW:g} * [j >= t]",
    "the place itself is masked too",
)
def causal_without_itself(S: Array) -> Array:
    return namespace(S).where(_until(S, -1), S, -LOW)


@mistake(
    causal,
    f"B[n,m,t,j] = S[n,m,t,j] * [j >= t] - {LOW:g} * [j < t]",
    "the mask is transposed: earlier places are hidden, not later ones",
)
def causal_transposed(S: Array) -> Array:
    return namespace(S).where(_until(S, -1), -LOW, S)


@mistake(causal, "B[n,m,t,j] = S[n,m,t,j] * [j <= t]", "the masked scores are set to 0, whose exponential is 1")
def causal_by_zero(S: Array) -> Array:
    return namespace(S).where(_until(S, 0), S, 0.0)


@mistake(causal_dS, "dS[n,m,t,j] = dB[n,m,t,j] * [j < t]", "the place itself is masked too")
def causal_dS_without_itself(dB: Array) -> Array:
    return namespace(dB).where(_until(dB, -1), dB, 0.0)


@mistake(causal_dS, "dS[n,m,t,j] = -dB[n,m,t,j] * [j <= t]", "the sign is flipped")
def causal_dS_negative(dB: Array) -> Array:
    return -causal_dS(dB)


@rule(
    f"C[n,m,t,j] = S[n,m,t,j] * keep[n,j] - {LOW:g} * (1 - keep[n,j])",
    source=SOURCE + ".3 (masking, before the softmax)",
)
def padding(S: Array, keep: Array) -> Array:
    """C (N, M, T, J) of the scores S (N, M, T, J) and keep (N, J): keys whose keep is 0 have scores far below all."""
    return namespace(S).where(_kept(keep), S, -LOW)


def _kept(keep: Array) -> Array:
    return keep[:, None, None, :] > 0


@rule("dS[n,m,t,j] = dC[n,m,t,j] * keep[n,j]", exact=True)
def padding_dS(dC: Array, keep: Array) -> Array:
    """dS (N, M, T, J) of dC (N, M, T, J) and keep (N, J): a masked key's score has no effect."""
    return namespace(dC).where(_kept(keep), dC, 0.0)


@mistake(padding, "C[n,m,t,j] = S[n,m,t,j]", "the mask {keep} is left out")
def padding_left_out(S: Array) -> Array:
    return S * 1


@mistake(
    padding,
    f"C[n,m,t,j] = S[n,m,t,j] * (1 - keep[n,j]) - {LOW:g} * keep[n,j]",
    "the mask {keep} is inverted: the keys that count are hidden",
)
def padding_inverted(S: Array, keep: Array) -> Array:
    return namespace(S).where(_kept(keep), -LOW, S)


@mistake(
    padding,
    "C[n,m,t,j] = S[n,m,t,j] * keep[n,j]",
    "the masked scores are set to 0, whose exponential is 1",
)
def padding_by_zero(S: Array, keep: Array) -> Array:
    return padding_dS(S, keep)


@mistake(padding_dS, "dS[n,m,t,j] = dC[n,m,t,j] * (1 - keep[n,j])", "the mask {keep} is inverted")
def padding_dS_inverted(dC: Array, keep: Array) -> Array:
    return namespace(dC).where(_kept(keep), 0.0, dC)


@mistake(padding_dS, "dS[n,m,t,j] = -dC[n,m,t,j] * keep[n,j]", "the sign is flipped")
def padding_dS_negative(dC: Array, keep: Array) -> Array:
    return -padding_dS(dC, keep)


# -- weights: softmax over the keys ------------------------------------------------------------------------------------


def _over_keys(base: Rule, z: str) -> Rule:
    """A rule of the softmax for every head and query, over the keys; z is what it takes."""
    names = renamed(base, z=z, m="top", s="r", a="A")
    return spread_over(names, n=("n", "m", "t"), k=("j",))


def _weights(z: str, called: str) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """The rules of the weights, forward and backward."""
    forward = tuple(_over_keys(part, z) for part in softmax.FORWARD)
    backward = tuple(_over_keys(part, z) for part in softmax.operation.backward)
    return (*forward[:-1], variant(forward[-1], called)), backward


def _softmax(S: Array) -> Array:
    A = namespace(S).exp(S - namespace(S).max(S, axis=3)[..., None])
    return A / namespace(S).sum(A, axis=3)[..., None]


_WEIGHTS = {
    (masked, padded): _weights("C" if padded else "B" if masked else "S", f"causal {masked}, padding {padded}")
    for masked in (False, True)
    for padded in (False, True)
}
_PLAIN, _CAUSAL, _PADDED, _BOTH = (
    _WEIGHTS[kind][0][-1] for kind in ((False, False), (True, False), (False, True), (True, True))
)
_AFTER = "the mask is applied after the softmax: a row's weights no longer add up to 1"


@mistake(
    _PLAIN,
    "A[n,m,t,j] = exp(S[n,m,t,j]) / (sum_i exp(S[n,m,i,j]))",
    "the softmax goes over the queries, not over the keys",
)
def weights_over_queries(S: Array) -> Array:
    return _softmax(S.mT).mT


@mistake(_CAUSAL, "A[n,m,t,j] = exp(S[n,m,t,j]) / (sum_i exp(S[n,m,t,i])) * [j <= t]", _AFTER)
def weights_masked_after(S: Array) -> Array:
    return causal_dS(_softmax(S))


@mistake(_PADDED, "A[n,m,t,j] = exp(S[n,m,t,j]) / (sum_i exp(S[n,m,t,i])) * keep[n,j]", _AFTER)
def weights_padded_after(S: Array, keep: Array) -> Array:
    return padding_dS(_softmax(S), keep)


@mistake(_BOTH, "A[n,m,t,j] = exp(S[n,m,t,j]) / (sum_i exp(S[n,m,t,i])) * [j <= t] * keep[n,j]", _AFTER)
def weights_masked_and_padded_after(S: Array, keep: Array) -> Array:
    return padding_dS(causal_dS(_softmax(S)), keep)


# -- values ------------------------------------------------------------------------------------------------------------


@rule("o[n,t,m*E+i] = sum_j A[n,m,t,j] * v[n,j,m*E+i] for i<E", source=SOURCE + ".1, (1)")
def weighted(A: Array, v: Array, *, E: int) -> Array:
    """o (N, T, D), the heads side by side, of the weights A (N, M, T, J) and the values v (N, J, D)."""
    return joined(A @ heads(v, A.shape[1]))


@rule("dA[n,m,t,j] = sum_i do[n,t,m*E+i] * v[n,j,m*E+i] for i<E", shape_of="A")
def weighted_dA(do: Array, v: Array, A: Array, *, E: int) -> Array:
    """dA (N, M, T, J) of do (N, T, D) and the values v (N, J, D)."""
    return heads(do, A.shape[1]) @ heads(v, A.shape[1]).mT


@rule("dv[n,j,m*E+i] += sum_t A[n,m,t,j] * do[n,t,m*E+i] for i<E")
def weighted_dv(A: Array, do: Array, *, E: int) -> Array:
    """dv (N, J, D) of the weights A (N, M, T, J) and do (N, T, D)."""
    return joined(A.mT @ heads(do, A.shape[1]))


@mistake(
    weighted,
    "o[n,t,i*M+m] = sum_j A[n,m,t,j] * v[n,j,i*M+m] for i<E",
    "the columns are split into heads without transposing: head m gets every M-th column from m on",
)
def weighted_misread(A: Array, v: Array, *, M: int, E: int) -> Array:
    return _joined_misread(A @ _misread(v, M))


@mistake(
    weighted,
    "o[n,t,m*E+i] = sum_j A[n,m,j,t] * v[n,j,m*E+i] for i<E",
    "{A} is taken transposed: the sum goes over the queries",
)
def weighted_transposed(A: Array, v: Array, *, E: int) -> Array:
    return joined(A.mT @ heads(v, A.shape[1]))


@mistake(
    weighted_dA,
    "dA[n,m,t,j] = sum_i do[n,t,i*M+m] * v[n,j,i*M+m] for i<E",
    "the columns are split into heads without transposing: head m gets every M-th column from m on",
)
def weighted_dA_misread(do: Array, v: Array, A: Array, *, M: int, E: int) -> Array:
    return _misread(do, M) @ _misread(v, M).mT


@mistake(
    weighted_dA,
    "dA[n,m,t,j] = sum_i do[n,j,m*E+i] * v[n,t,m*E+i] for i<E",
    "the two factors are crossed: the result is the transpose",
)
def weighted_dA_crossed(do: Array, v: Array, A: Array, *, E: int) -> Array:
    return weighted_dA(do, v, A, E=E).mT


@mistake(weighted_dA, "dA[n,m,t,j] = -sum_i do[n,t,m*E+i] * v[n,j,m*E+i] for i<E", "the sign is flipped")
def weighted_dA_negative(do: Array, v: Array, A: Array, *, E: int) -> Array:
    return -weighted_dA(do, v, A, E=E)


@mistake(
    weighted_dv,
    "dv[n,j,m*E+i] += sum_t A[n,m,j,t] * do[n,t,m*E+i] for i<E",
    "the transpose of {A} is left out: the sum goes over the keys",
)
def weighted_dv_untransposed(A: Array, do: Array, *, E: int) -> Array:
    return joined(A @ heads(do, A.shape[1]))


@mistake(weighted_dv, "dv[n,j,m*E+i] += -sum_t A[n,m,t,j] * do[n,t,m*E+i] for i<E", "the sign is flipped")
def weighted_dv_negative(A: Array, do: Array, *, E: int) -> Array:
    return -weighted_dv(A, do, E=E)


@mistake(
    weighted_dv,
    "dv[n,j,i*M+m] += sum_t A[n,m,t,j] * do[n,t,i*M+m] for i<E",
    "the columns are split into heads without transposing: head m gets every M-th column from m on",
)
def weighted_dv_misread(A: Array, do: Array, *, M: int, E: int) -> Array:
    return _joined_misread(A.mT @ _misread(do, M))


# -- the layer ---------------------------------------------------------------------------------------------------------


def _projection(called: str, x: str) -> tuple[Rule, tuple[Rule, ...]]:
    """Queries, keys or values of x by weights and a bias of their own; forward and backward."""
    names = {"x": x, "W": f"W{called}", "b": f"b{called}", "z": called}
    forward, *backward = (renamed(over_time(part), **names) for part in (dense, dense_dW, dense_db, dense_dx))
    return forward, tuple(backward)


_KEYS_BIAS = variant(_projection("k", "x")[1][1], "keys")
_KEYS_BIAS.mistakes.clear()  # it is always 0, whichever way it is summed: a softmax does not see what all keys share


@mistake(_KEYS_BIAS, "dbk[o] = sum_{n,t} dq[n,t,o]", "{dq} is taken in place of {dk}")
def keys_bias_of_dq(dq: Array) -> Array:
    return namespace(dq).sum(dq, axis=(0, 1))


def _output() -> tuple[Rule, tuple[Rule, ...]]:
    """The last product, of all heads; forward and backward. Its columns are counted by d, as o is a value here."""
    names = {"x": "o", "W": "Wo", "b": "bo", "z": "y"}
    forward, *backward = (
        renamed(spread_over(part, n=("n", "t"), o=("d",)), **names) for part in (dense, dense_dW, dense_db, dense_dx)
    )
    return forward, tuple(backward)


def _operation(*, cross: bool, masked: bool, padded: bool) -> Operation:
    other = "u" if cross else "x"
    (q, q_back), (k, k_back), (v, v_back) = (_projection(n, x) for n, x in (("q", "x"), ("k", other), ("v", other)))
    k_back = (k_back[0], _KEYS_BIAS, k_back[2])
    y, y_back = _output()
    masks = [(causal, causal_dS)] if masked else []
    if padded:
        masks.append((renamed(padding, S="B"), renamed(padding_dS, S="B")) if masked else (padding, padding_dS))
    weights, weights_back = _WEIGHTS[masked, padded]
    kinds = [name for name, there in (("cross", cross), ("causal", masked), ("padding", padded)) if there]
    return Operation(
        f"attention{', ' * bool(kinds)}{', '.join(kinds)}",
        (q, k, v, scores, *(forward for forward, _ in masks), *weights, weighted, y),
        (
            *y_back, weighted_dA, weighted_dv, *weights_back, *(backward for _, backward in masks[::-1]),
            scores_dq, scores_dk, *q_back, *k_back, *v_back,
        ),
        input="x",
        output="y",
        others=(*(["u"] if cross else []), *(["keep"] if padded else [])),
    )  # fmt: skip


_KINDS = (False, True)
KINDS = {
    (cross, masked, padded): _operation(cross=cross, masked=masked, padded=padded)
    for cross in _KINDS
    for masked in _KINDS
    for padded in _KINDS
}
"""The operation by whether the keys are of another value, whether it is causal, and whether keys are masked."""
