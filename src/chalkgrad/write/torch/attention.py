"""The form that attention and positions have in a PyTorch script."""

from __future__ import annotations

from ...describe.layers import Attention, Positions
from ...model.lines import Line
from .layers import Form, form


@form.register
def _(layer: Attention, line: Line) -> Form:
    T, D = line.shapes[0]
    keys = "{1}" if layer.cross else "{0}"
    hidden = f"torch.ones({T}, {line.shapes[1][0] if layer.cross else T}).triu(1).bool()" if layer.causal else ""
    padded = f"{{{len(line.sources) - 1}}} == 0" if layer.mask is not None else ""
    masks = [f"attn_mask={hidden}"] if hidden else []
    masks += [f"key_padding_mask={padded}"] if padded else []
    bias = "" if layer.bias else ", bias=False"
    places = {
        **{f"W{part}": f"in_proj_weight[{place * D}:{(place + 1) * D}]" for place, part in enumerate("qkv")},
        **{f"b{part}": f"in_proj_bias[{place * D}:{(place + 1) * D}]" for place, part in enumerate("qkv")},
        "Wo": "out_proj.weight",
        "bo": "out_proj.bias",
    }
    return Form(
        (("attention", f"nn.MultiheadAttention({D}, {layer.heads}{bias}, batch_first=True)"),),
        places=places,
        turned=("Wq", "Wk", "Wv", "Wo"),
        argument=", ".join(["{0}", keys, keys, *masks]),
        pair=True,
        spelled=_spelled(layer, line, hidden, padded),
    )


def _spelled(layer: Attention, line: Line, hidden: str, padded: str) -> Form:
    """The form as a class of the script's own, whose parameters are called as here."""
    shown = [f"~{hidden}"] if hidden else []
    shown += [f"({padded.replace('== 0', '> 0')})[:, None, None]"] if padded else []
    arguments = ["{0}", "{1}" if layer.cross else "{0}", *([" & ".join(shown)] if shown else [])]
    module = f"Attention({line.shapes[0][1]}, {layer.heads}{'' if layer.bias else ', bias=False'})"
    return Form(
        (("attention", module),),
        places={formal: formal for formal in line.names},
        argument=", ".join(arguments),
        classes=(ATTENTION_CLASS,),
    )


@form.register
def _(layer: Positions, line: Line) -> Form:
    if layer.form == "learnt":
        return Form(expression="{0} + {P}", own={"P": line.shapes[0]})
    T, D = line.shapes[0]
    return Form((("positions", f"Positions({T}, {D})"),), classes=(POSITIONS_CLASS,))


ATTENTION_CLASS = '''
class Attention(nn.Module):
    """Attention as nn.MultiheadAttention is, with queries', keys' and values' parameters apart."""

    def __init__(self, width, heads, bias=True):
        super().__init__()
        self.heads = heads
        self.Wq = nn.Parameter(torch.zeros(width, width))
        self.Wk = nn.Parameter(torch.zeros(width, width))
        self.Wv = nn.Parameter(torch.zeros(width, width))
        self.Wo = nn.Parameter(torch.zeros(width, width))
        biases = (nn.Parameter(torch.zeros(width)) if bias else 0 for _ in range(4))
        self.bq, self.bk, self.bv, self.bo = biases

    def forward(self, x, u, shown=None):
        q, k, v = x @ self.Wq + self.bq, u @ self.Wk + self.bk, u @ self.Wv + self.bv
        q, k, v = (p.unflatten(2, (self.heads, -1)).transpose(1, 2) for p in (q, k, v))
        o = functional.scaled_dot_product_attention(q, k, v, attn_mask=shown)
        return o.transpose(1, 2).flatten(2) @ self.Wo + self.bo
'''
POSITIONS_CLASS = '''
class Positions(nn.Module):
    """Adds sines and cosines of its place to each step, a pair of columns for each wave length."""

    def __init__(self, steps, width):
        super().__init__()
        place = torch.arange(steps, dtype=torch.float64)[:, None]
        angles = place / 10000 ** (torch.arange(0, width, 2, dtype=torch.float64) / width)
        waves = torch.stack((angles.sin(), angles.cos()), dim=2).flatten(1)
        self.register_buffer("waves", waves.to(torch.get_default_dtype()))

    def forward(self, x):
        return x + self.waves
'''
