"""Gated recurrent units: h is a part of h', which the gate z keeps, and of the new n, which sees h' through the gate r.

"Before": r meets h' before the product with Un; "after": it meets the product. As in `rnn.py` the functions of the loop
compute one time. n is a value's name here, n[n,t,u], beside the index over the samples.
"""

from __future__ import annotations

from . import multiply, sigmoid, tanh
from .dense import dense_db, dense_dW, dense_dx
from .derived import over_time, renamed, stepwise
from .kept import kept, kept_da, kept_dm
from .recurrence import Recurrence, recurrence
from .rnn import gate, recurrent_dh, recurrent_dU
from .rule import Array, Rule, mistake, rule

SOURCE = "Cho et al., 2014, arXiv:1406.1078"
AFTER = "cuDNN; Keras, reset_after; PyTorch, nn.GRU"

_reset = gate("r", "r", sigmoid.operation)
_update = gate("z", "z", sigmoid.operation)


@rule("zn[n,u] = sum_i x[n,i] * Wn[i,u] + sum_v rh[n,v] * Un[v,u] + bn[u]", source=SOURCE)
def gru_zn(x: Array, Wn: Array, rh: Array, Un: Array, bn: Array = None) -> Array:
    """Pre-activation zn (N, H) of x (N, I), Wn (I, H), rh = r h' (N, H), Un (H, H) and bias bn (H,)."""
    return x @ Wn + rh @ Un if bn is None else x @ Wn + rh @ Un + bn


@rule("hn[n,t,u] = sum_v h[n,t-1,v] * Un[v,u] + cn[u]", source=AFTER, stepwise=True)
def gru_hn(h: Array, Un: Array, cn: Array = None) -> Array:
    """hn (N, H) of the h (N, H) of the step before, Un (H, H) and bias cn (H,)."""
    return h @ Un if cn is None else h @ Un + cn


@rule("zn[n,u] = sum_i x[n,i] * Wn[i,u] + bn[u] + r[n,u] * hn[n,u]", source=AFTER)
def gru_zn_after(x: Array, Wn: Array, r: Array, hn: Array, bn: Array = None) -> Array:
    """Pre-activation zn (N, H) of x (N, I), Wn (I, H), the gate r and hn (N, H) and bias bn (H,)."""
    return x @ Wn + r * hn if bn is None else x @ Wn + bn + r * hn


@rule("h[n,t,u] = (1 - z[n,t,u]) * n[n,t,u] + z[n,t,u] * h[n,t-1,u]", source=SOURCE, stepwise=True)
def gru_h(z: Array, n: Array, h: Array) -> Array:
    """h (N, H) of the gate z, the new n and the h of the step before, all (N, H)."""
    return (1 - z) * n + z * h


@rule("dz[n,t,u] = dh[n,t,u] * (h[n,t-1,u] - n[n,t,u])", source=SOURCE, stepwise=True)
def gru_dz(dh: Array, h: Array, n: Array) -> Array:
    """dz (N, H) of dh, the h of the step before and n, all (N, H)."""
    return dh * (h - n)


@rule("dn[...] = dh[...] * (1 - z[...])", source=SOURCE)
def gru_dn(dh: Array, z: Array) -> Array:
    """dn (any shape) of dh and the gate z."""
    return dh * (1 - z)


@mistake(gru_dz, "dz[n,t,u] = dh[n,t,u] * (h[n,t,u] - n[n,t,u])", "the same step's {h} is taken, not the one before")
def gru_dz_of_the_same_step(dh: Array, h: Array, n: Array) -> Array:
    return dh * (h - n)


@mistake(gru_dz, "dz[n,t,u] = dh[n,t,u] * h[n,t-1,u]", "one path only: {z} also takes from {n}")
def gru_dz_without_n(dh: Array, h: Array) -> Array:
    return dh * h


@mistake(gru_dz, "dz[n,t,u] = dh[n,t,u] * (n[n,t,u] - h[n,t-1,u])", "the sign is flipped: z and 1 - z are confused")
def gru_dz_negative(dh: Array, h: Array, n: Array) -> Array:
    return dh * (n - h)


@mistake(gru_dn, "dn[...] = dh[...] * z[...]", "{z} is taken, not 1 - {z}")
def gru_dn_of_z(dh: Array, z: Array) -> Array:
    return dh * z


@mistake(gru_dn, "dn[...] = dh[...]", "1 - {z} is left out")
def gru_dn_alone(dh: Array) -> Array:
    return dh * 1


@mistake(_reset.dz, "dzr[...] = dr[...] * z[...] * (1 - z[...])", "the slope of another gate is taken, {z}")
def gru_dzr_of_z(dr: Array, z: Array) -> Array:
    return sigmoid.sigmoid_dz(dr, z)


@mistake(_update.dz, "dzz[...] = dz[...] * r[...] * (1 - r[...])", "the slope of another gate is taken, {r}")
def gru_dzz_of_r(dz: Array, r: Array) -> Array:
    return sigmoid.sigmoid_dz(dz, r)


@mistake(_reset.dz, "dzr[...] = dr[...] * (1 - r[...]^2)", "the slope of a tanh is taken, where {r} is a sigmoid")
def gru_dzr_of_a_tanh(dr: Array, r: Array) -> Array:
    return tanh.tanh_dz(dr, r)


@mistake(_update.dz, "dzz[...] = dz[...] * (1 - z[...]^2)", "the slope of a tanh is taken, where {z} is a sigmoid")
def gru_dzz_of_a_tanh(dz: Array, z: Array) -> Array:
    return tanh.tanh_dz(dz, z)


_new_forward, _new_dz = (
    renamed(part, a="n", z="zn") for part in (tanh.operation.forward[0], tanh.operation.backward[0])
)


@mistake(_new_dz, "dzn[...] = dn[...] * n[...] * (1 - n[...])", "the slope of a sigmoid is taken, where {n} is a tanh")
def gru_dzn_of_a_sigmoid(dn: Array, n: Array) -> Array:
    return sigmoid.sigmoid_dz(dn, n)


_through_reset = renamed(over_time(dense_dW), x="rh", W="Un", z="zn")


@mistake(
    _through_reset,
    "dUn[v,u] = sum_{n,t} h[n,t-1,v] * dzn[n,t,u]",
    "the gate r is left out: Un meets r h', not h'",
)
def gru_dUn_without_reset(h: Array, dzn: Array) -> Array:
    return recurrent_dU(h, dzn)


def _layer(
    name: str, new: tuple[Rule, ...], back: tuple[Rule, ...], through: Rule, after: tuple[Rule, ...]
) -> Recurrence:
    """The operations of one of the two.

    Args:
        name: its name.
        new: the rules from the gates to zn.
        back: those from dzn to dr.
        through: what comes back to the h of the step before on the way to n.
        after: the derivatives by the parameters of n and by x.
    """
    gates = (_reset, _update)
    return recurrence(
        name,
        (*(one.forward[0] for one in gates), *(one.forward[1] for one in gates), *new, _new_forward, gru_h),
        (
            renamed(kept_dm, p="h", a="z", m="h"),
            *(one.dh for one in gates),
            through,
            gru_dz,
            gru_dn,
            _new_dz,
            *back,
            *(one.dz for one in gates),
            *(rule for one in gates for rule in one.after),
            *after,
        ),
    )


_new = {"z": "zn", "W": "Wn", "b": "bn"}
_of_x = tuple(renamed(over_time(part), **_new) for part in (dense_dW, dense_db, dense_dx))

before = _layer(
    "GRU",
    (renamed(kept, p="rh", a="r", m="h"), stepwise(gru_zn)),
    (renamed(stepwise(dense_dx), z="zn", W="Un", x="rh"), renamed(kept_da, p="rh", a="r", m="h")),
    renamed(kept_dm, p="rh", a="r", m="h"),
    (_through_reset, *_of_x),
)
after = _layer(
    "GRU with the reset after the product",
    (gru_hn, stepwise(gru_zn_after)),
    tuple(renamed(p, g="zn", x1="r", x2="hn") for p in (multiply.multiply_dx1, multiply.multiply_dx2)),
    renamed(recurrent_dh, z="hn", U="Un"),
    (
        renamed(recurrent_dU, z="hn", U="Un"),
        renamed(over_time(dense_db), z="hn", b="cn"),
        *_of_x,
    ),
)
