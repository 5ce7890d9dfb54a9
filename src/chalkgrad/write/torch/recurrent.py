"""The form that recurrent layers have in a PyTorch script: PyTorch's module where that computes the same, else a class.

PyTorch has the gates' weights one under the other in one tensor, transposed, and two biases for each gate where one is
enough: the second one stays 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...describe.layers import GRU, LSTM, RNN, Recurrent
from ...model.lines import Line
from .layers import Form, form

ONE_BIAS = ("# one bias is enough", "nn.init.zeros_({0}.bias_hh_l0).requires_grad_(False)")


@form.register
def _(layer: RNN, line: Line) -> Form:
    kind = "" if layer.activation == "tanh" else f', nonlinearity="{layer.activation}"'
    return _module(layer, line, "RNN", [""], ONE_BIAS, settings=kind)


@form.register
def _(layer: LSTM, line: Line) -> Form:
    return _module(layer, line, "LSTM", "ifgo", ONE_BIAS, spelled=_spelled(layer, line, "lstm", "LSTM", LSTM_CLASS))


@form.register
def _(layer: GRU, line: Line) -> Form:
    if layer.reset == "before":
        return _spelled(layer, line, "gru", "GRU", GRU_CLASS)
    of_n = 2 * layer.units
    init = [
        "# one bias is enough: of this one only the part of n is trained",
        "nn.init.zeros_({0}.bias_hh_l0)",
        f"{{0}}.bias_hh_l0.register_hook(lambda grad: grad * (torch.arange(len(grad)) >= {of_n}))",
    ]
    spelled = _spelled(layer, line, "gru", "ResetAfterGRU", RESET_AFTER_CLASS)
    return _module(layer, line, "GRU", "rzn", init, spelled=spelled)


def _module(
    layer: Recurrent,
    line: Line,
    kind: str,
    gates: Sequence[str],
    init: Sequence[str],
    *,
    settings: str = "",
    spelled: Form | None = None,
) -> Form:
    """The form as a module of PyTorch's.

    Args:
        layer: the layer.
        line: its line.
        kind: the module's name in `nn`.
        gates: the gates' letters in the order in which the module has them; "" for none.
        init: the lines that set its second bias.
        settings: further settings of the module.
        spelled: the form as a class, where the module has several gates' parameters in one tensor.
    """
    places: dict[str, str] = {}
    for place, gate in enumerate(gates):
        part = f"[{place * layer.units}:{(place + 1) * layer.units}]" if len(gates) > 1 else ""
        places[f"W{gate}"], places[f"U{gate}"] = f"weight_ih_l0{part}", f"weight_hh_l0{part}"
        places[f"b{gate}"], places[f"c{gate}"] = f"bias_ih_l0{part}", f"bias_hh_l0{part}"
    bias = "" if layer.bias else ", bias=False"
    text = f"nn.{kind}({line.shapes[0][-1]}, {layer.units}{settings}{bias}, batch_first=True)"
    return Form(
        ((kind.lower(), text),),
        _result(layer),
        places=places,
        turned=[name for name in places if name[0] in "WU"],
        argument=_argument(layer),
        pair=True,
        init=tuple(init) if layer.bias else (),
        spelled=spelled,
    )


def _spelled(layer: Recurrent, line: Line, word: str, name: str, text: str) -> Form:
    """The form as a class of the script's own, whose parameters are called as here."""
    bias = "" if layer.bias else ", bias=False"
    module = (word, f"{name}({line.shapes[0][-1]}, {layer.units}{bias})")
    places = {formal: formal for formal in line.names}
    return Form((module,), _result(layer), places=places, argument=_argument(layer), classes=(text,))


def _argument(layer: Recurrent) -> str:
    """What the module takes: the steps in the order in which time runs."""
    return "{0}.flip(1)" if layer.reverse else "{0}"


def _result(layer: Recurrent) -> str:
    """What is taken of the module's result: every step's h, in the steps' order, or the last one's."""
    if not layer.sequences:
        return "{0}[:, -1]"
    return "{0}.flip(1)" if layer.reverse else ""


LSTM_CLASS = '''
class LSTM(nn.Module):
    """An LSTM as nn.LSTM is, with a parameter for each gate."""

    def __init__(self, inputs, units, bias=True):
        super().__init__()
        self.Wi = nn.Parameter(torch.zeros(inputs, units))
        self.Wf = nn.Parameter(torch.zeros(inputs, units))
        self.Wg = nn.Parameter(torch.zeros(inputs, units))
        self.Wo = nn.Parameter(torch.zeros(inputs, units))
        self.Ui = nn.Parameter(torch.zeros(units, units))
        self.Uf = nn.Parameter(torch.zeros(units, units))
        self.Ug = nn.Parameter(torch.zeros(units, units))
        self.Uo = nn.Parameter(torch.zeros(units, units))
        biases = (nn.Parameter(torch.zeros(units)) if bias else 0 for _ in range(4))
        self.bi, self.bf, self.bg, self.bo = biases

    def forward(self, x):
        h = c = x.new_zeros(len(x), len(self.Ui))
        steps = []
        for t in range(x.shape[1]):
            i = torch.sigmoid(x[:, t] @ self.Wi + h @ self.Ui + self.bi)
            f = torch.sigmoid(x[:, t] @ self.Wf + h @ self.Uf + self.bf)
            g = torch.tanh(x[:, t] @ self.Wg + h @ self.Ug + self.bg)
            o = torch.sigmoid(x[:, t] @ self.Wo + h @ self.Uo + self.bo)
            c = f * c + i * g
            h = o * torch.tanh(c)
            steps.append(h)
        return torch.stack(steps, dim=1)
'''
GRU_CLASS = '''
class GRU(nn.Module):
    """A GRU whose gate r meets h before the product with Un; in nn.GRU it meets the product."""

    def __init__(self, inputs, units, bias=True):
        super().__init__()
        self.Wr = nn.Parameter(torch.zeros(inputs, units))
        self.Wz = nn.Parameter(torch.zeros(inputs, units))
        self.Wn = nn.Parameter(torch.zeros(inputs, units))
        self.Ur = nn.Parameter(torch.zeros(units, units))
        self.Uz = nn.Parameter(torch.zeros(units, units))
        self.Un = nn.Parameter(torch.zeros(units, units))
        biases = (nn.Parameter(torch.zeros(units)) if bias else 0 for _ in range(3))
        self.br, self.bz, self.bn = biases

    def forward(self, x):
        h = x.new_zeros(len(x), len(self.Ur))
        steps = []
        for t in range(x.shape[1]):
            r = torch.sigmoid(x[:, t] @ self.Wr + h @ self.Ur + self.br)
            z = torch.sigmoid(x[:, t] @ self.Wz + h @ self.Uz + self.bz)
            n = torch.tanh(x[:, t] @ self.Wn + (r * h) @ self.Un + self.bn)
            h = (1 - z) * n + z * h
            steps.append(h)
        return torch.stack(steps, dim=1)
'''
RESET_AFTER_CLASS = '''
class ResetAfterGRU(nn.Module):
    """A GRU as nn.GRU is, with a parameter for each gate."""

    def __init__(self, inputs, units, bias=True):
        super().__init__()
        self.Wr = nn.Parameter(torch.zeros(inputs, units))
        self.Wz = nn.Parameter(torch.zeros(inputs, units))
        self.Wn = nn.Parameter(torch.zeros(inputs, units))
        self.Ur = nn.Parameter(torch.zeros(units, units))
        self.Uz = nn.Parameter(torch.zeros(units, units))
        self.Un = nn.Parameter(torch.zeros(units, units))
        biases = (nn.Parameter(torch.zeros(units)) if bias else 0 for _ in range(4))
        self.br, self.bz, self.bn, self.cn = biases

    def forward(self, x):
        h = x.new_zeros(len(x), len(self.Ur))
        steps = []
        for t in range(x.shape[1]):
            r = torch.sigmoid(x[:, t] @ self.Wr + h @ self.Ur + self.br)
            z = torch.sigmoid(x[:, t] @ self.Wz + h @ self.Uz + self.bz)
            n = torch.tanh(x[:, t] @ self.Wn + self.bn + r * (h @ self.Un + self.cn))
            h = (1 - z) * n + z * h
            steps.append(h)
        return torch.stack(steps, dim=1)
'''
