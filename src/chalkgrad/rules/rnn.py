"""The recurrent layer: every step takes the input of its time and what the step before gave.

The functions of the loop compute one time: there h is what the step before gave, h', and dz what comes back from the
step after; both are 0 beyond the ends. Those after the loop take whole sequences.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import relu, sigmoid, tanh
from .dense import dense_db, dense_dW, dense_dx
from .derived import over_time, renamed
from .recurrence import Recurrence, recurrence
from .rule import Array, Operation, Rule, mistake, rule

SOURCE = "Werbos, 1990, Backpropagation Through Time: What It Does and How to Do It, Proceedings of the IEEE 78"


@rule(
    "z[n,t,u] = sum_i x[n,t,i] * W[i,u] + sum_v h[n,t-1,v] * U[v,u] + b[u]",
    source="Elman, 1990, Finding Structure in Time, Cognitive Science 14",
    stepwise=True,
)
def recurrent(x: Array, W: Array, h: Array, U: Array, b: Array = None) -> Array:
    """Pre-activation z (N, H) of x (N, I), W (I, H), the h (N, H) of the step before, U (H, H) and bias b (H,)."""
    return x @ W + h @ U if b is None else x @ W + h @ U + b


@rule("dh[n,t,v] = sum_u dz[n,t+1,u] * U[v,u]", source=SOURCE, stepwise=True)
def recurrent_dh(dz: Array, U: Array) -> Array:
    """dh (N, H), what comes back to h, of the dz (N, H) of the step after and U (H, H)."""
    return dz @ U.T


@rule("dU[v,u] = sum_{n,t} h[n,t-1,v] * dz[n,t,u]", source=SOURCE)
def recurrent_dU(h: Array, dz: Array) -> Array:
    """dU (H, H) of h and dz (N, T, H): each dz counts with the h of the step before."""
    return h[:, :-1].reshape((-1, h.shape[2])).T @ dz[:, 1:].reshape((-1, dz.shape[2]))


@mistake(recurrent_dh, "dh[n,t,v] = dz[n,t+1,v] * 0", "nothing comes back from the step after: no recurrence")
def recurrent_dh_left_out(dz: Array) -> Array:
    return dz * 0


@mistake(recurrent_dh, "dh[n,t,v] = sum_u dz[n,t+1,u] * U[u,v]", "the transpose of {U} is left out")
def recurrent_dh_untransposed(dz: Array, U: Array) -> Array:
    return dz @ U


@mistake(
    recurrent_dh,
    "dh[n,t,v] = sum_u dh[n,t+1,u] * U[v,u]",
    "the activation's derivative is left out on the way through time",
)
def recurrent_dh_without_derivative(dh: Array, U: Array) -> Array:
    return dh @ U.T


@mistake(
    recurrent_dU,
    "dU[v,u] = sum_{n,t} h[n,t,v] * dz[n,t,u]",
    "the same step's {h} is taken, not the one before",
)
def recurrent_dU_of_the_same_step(h: Array, dz: Array) -> Array:
    return h.reshape((-1, h.shape[2])).T @ dz.reshape((-1, dz.shape[2]))


@mistake(
    recurrent_dU,
    "dU[v,u] = sum_{n,t} h[n,t-1,u] * dz[n,t,v]",
    "the two factors are crossed: the result is the transpose",
)
def recurrent_dU_crossed(h: Array, dz: Array) -> Array:
    return recurrent_dU(h, dz).T


@mistake(recurrent_dU, "dU[v,u] = sum_{n,t} h[n,t-1,v] * dz[n,t,u] * [t = |t|-1]", "only the last step counts")
def recurrent_dU_of_the_last_step(h: Array, dz: Array) -> Array:
    return recurrent_dU(h[:, -2:], dz[:, -2:])


@dataclass(frozen=True)
class Gate:
    """A pre-activation x W + h' U + b and an activation of it, under names of their own: zi and i, with Wi, Ui, bi.

    Attributes:
        forward: the rules of both.
        dh: what comes back through it to the h of the step before.
        dz: the derivative by its pre-activation.
        after: the derivatives by its parameters and by x, which need no loop.
    """

    forward: tuple[Rule, ...]
    dh: Rule
    dz: Rule
    after: tuple[Rule, ...]


def gate(a: str, letter: str, activation: Operation) -> Gate:
    """The rules of a gate.

    Args:
        a: its name.
        letter: what follows z, W, U and b in its other names.
        activation: what it does to its pre-activation.
    """
    names = {formal: f"{formal}{letter}" for formal in ("z", "W", "U", "b")}
    after = (recurrent_dU, over_time(dense_dW), over_time(dense_db), over_time(dense_dx))
    return Gate(
        (renamed(recurrent, **names), renamed(activation.forward[0], a=a, z=names["z"])),
        renamed(recurrent_dh, **names),
        renamed(activation.backward[0], a=a, z=names["z"]),
        tuple(renamed(rule, **names) for rule in after),
    )


def _activated(activation: Operation, h: Gate) -> Recurrence:
    return recurrence(f"recurrent layer, {activation.name}", h.forward, (h.dh, h.dz, *h.after))


_tanh = gate("h", "", tanh.operation)


@mistake(_tanh.dz, "dz[...] = dh[...] * h[...] * (1 - h[...])", "the slope of a sigmoid is taken, where {h} is a tanh")
def rnn_dz_of_a_sigmoid(dh: Array, h: Array) -> Array:
    return sigmoid.sigmoid_dz(dh, h)


with_tanh = _activated(tanh.operation, _tanh)
with_relu = _activated(relu.operation, gate("h", "", relu.operation))
