"""Long short-term memory: the cell c keeps what the gate f leaves of it, and takes in what the gate i lets pass of g.

As in `rnn.py` the functions of the loop compute one time.
"""

from __future__ import annotations

from . import multiply, sigmoid, tanh
from .arrays import namespace
from .derived import renamed
from .kept import kept_da, kept_dm
from .recurrence import recurrence
from .rnn import gate
from .rule import Array, mistake, rule

SOURCE = "Gers, Schmidhuber and Cummins, 2000, Learning to Forget, Neural Computation 12"

_in = gate("i", "i", sigmoid.operation)
_forget = gate("f", "f", sigmoid.operation)
_new = gate("g", "g", tanh.operation)
_out = gate("o", "o", sigmoid.operation)
GATES = (_in, _forget, _new, _out)


@rule("c[n,t,u] = f[n,t,u] * c[n,t-1,u] + i[n,t,u] * g[n,t,u]", source=SOURCE, stepwise=True)
def lstm_c(f: Array, c: Array, i: Array, g: Array) -> Array:
    """The cell c (N, H) of f (N, H), the c (N, H) of the step before, i and g (N, H)."""
    return f * c + i * g


@rule("h[...] = o[...] * tanh(c[...])", source=SOURCE)
def lstm_h(o: Array, c: Array) -> Array:
    """h (any shape) of the gate o and the cell c."""
    return o * namespace(c).tanh(c)


@rule("do[n,t,u] = dh[n,t,u] * tanh(c[n,t,u])", source=SOURCE, stepwise=True)
def lstm_do(dh: Array, c: Array) -> Array:
    """do (N, H) of dh and the cell c, (N, H)."""
    return dh * namespace(c).tanh(c)


@rule("dc[...] = dh[...] * o[...] * (1 - tanh(c[...])^2)", source=SOURCE)
def lstm_dc(dh: Array, o: Array, c: Array) -> Array:
    """The share of dc (any shape) that comes back through h, of dh, the gate o and the cell c."""
    return dh * o * (1 - namespace(c).tanh(c) ** 2)


@mistake(lstm_do, "do[n,t,u] = dh[n,t,u] * tanh(c[n,t-1,u])", "the {c} of the step before is taken, not this step's")
def lstm_do_of_the_step_before(dh: Array, c: Array) -> Array:
    return dh * namespace(c).tanh(c)


@mistake(lstm_do, "do[n,t,u] = dh[n,t,u] * c[n,t,u]", "the tanh of {c} is left out")
def lstm_do_of_c(dh: Array, c: Array) -> Array:
    return dh * c


@mistake(lstm_dc, "dc[...] = dh[...] * o[...]", "the derivative of tanh is left out")
def lstm_dc_without_derivative(dh: Array, o: Array) -> Array:
    return dh * o


@mistake(lstm_dc, "dc[...] = dh[...] * (1 - tanh(c[...])^2)", "{o} is left out")
def lstm_dc_without_gate(dh: Array, c: Array) -> Array:
    return dh * (1 - namespace(c).tanh(c) ** 2)


@mistake(lstm_dc, "dc[...] = dh[...] * o[...] * (1 - c[...]^2)", "the tanh of {c} is left out")
def lstm_dc_of_c(dh: Array, o: Array, c: Array) -> Array:
    return dh * o * (1 - c * c)


@mistake(lstm_dc, "dc[...] = dh[...] * o[...] * (1 - h[...]^2)", "1 - h^2 is taken, where tanh {c} is h / o")
def lstm_dc_of_h(dh: Array, o: Array, h: Array) -> Array:
    return dh * o * (1 - h * h)


@mistake(_in.dz, "dzi[...] = di[...] * f[...] * (1 - f[...])", "the slope of another gate is taken, {f}")
def lstm_dzi_of_f(di: Array, f: Array) -> Array:
    return sigmoid.sigmoid_dz(di, f)


@mistake(_forget.dz, "dzf[...] = df[...] * i[...] * (1 - i[...])", "the slope of another gate is taken, {i}")
def lstm_dzf_of_i(df: Array, i: Array) -> Array:
    return sigmoid.sigmoid_dz(df, i)


@mistake(_out.dz, "dzo[...] = do[...] * i[...] * (1 - i[...])", "the slope of another gate is taken, {i}")
def lstm_dzo_of_i(do: Array, i: Array) -> Array:
    return sigmoid.sigmoid_dz(do, i)


@mistake(_in.dz, "dzi[...] = di[...] * (1 - i[...]^2)", "the slope of a tanh is taken, where {i} is a sigmoid")
def lstm_dzi_of_a_tanh(di: Array, i: Array) -> Array:
    return tanh.tanh_dz(di, i)


@mistake(_forget.dz, "dzf[...] = df[...] * (1 - f[...]^2)", "the slope of a tanh is taken, where {f} is a sigmoid")
def lstm_dzf_of_a_tanh(df: Array, f: Array) -> Array:
    return tanh.tanh_dz(df, f)


@mistake(_out.dz, "dzo[...] = do[...] * (1 - o[...]^2)", "the slope of a tanh is taken, where {o} is a sigmoid")
def lstm_dzo_of_a_tanh(do: Array, o: Array) -> Array:
    return tanh.tanh_dz(do, o)


@mistake(_new.dz, "dzg[...] = dg[...] * g[...] * (1 - g[...])", "the slope of a sigmoid is taken, where {g} is a tanh")
def lstm_dzg_of_a_sigmoid(dg: Array, g: Array) -> Array:
    return sigmoid.sigmoid_dz(dg, g)


through_time = (
    *(one.dh for one in GATES),
    lstm_do,
    lstm_dc,
    renamed(kept_dm, p="c", a="f", m="c"),
    renamed(multiply.multiply_dx1, g="c", x1="i", x2="g"),
    renamed(kept_da, p="c", a="f", m="c"),
    renamed(multiply.multiply_dx2, g="c", x1="i", x2="g"),
    *(one.dz for one in GATES),
)
after = tuple(rule for one in GATES for rule in one.after)
lstm = recurrence(
    "LSTM",
    (*(one.forward[0] for one in GATES), *(one.forward[1] for one in GATES), lstm_c, lstm_h),
    (*through_time, *after),
)
