"""The form that layers of formulas have in a PyTorch script: a module whose forward pass is their lines.

PyTorch derives the backward pass; `chalkgrad rule --to torch` writes it out.
"""

from __future__ import annotations

import textwrap

from ...base.text import visible
from ...calculus.array_code import assigned
from ...calculus.dialects import HELPERS, TORCH
from ...describe.layers.from_formulas import OfFormulas
from ...model.lines import Line
from .layers import Form, form


@form.register
def _(layer: OfFormulas, line: Line) -> Form:
    shape = line.shapes[0]
    by_step = layer.per_step and len(shape) == 2
    parameters = layer.parameters(shape[-1:] if by_step else shape)
    settings = layer.options(shape)
    name, read = layer.kind, layer.made_of.input
    code: list[str] = []
    for formula in layer.lines:
        code += assigned(formula, formula.output, dialect=TORCH, first=len(code) + 1)
    before = [f"{one} = self.{one}" for one in (*parameters, *settings)]
    if by_step:  # every step of a sequence is a sample
        before.append(f"lead, {read} = {read}.shape[:-1], {read}.reshape(-1, {read}.shape[-1])")
    result = f"{layer.made_of.output}.reshape(*lead, -1)" if by_step else layer.made_of.output
    made = [f"self.{one} = nn.Parameter(torch.empty({_listed(p.shape)}))" for one, p in parameters.items()]
    made += [f"self.{one} = {value!r}" for one, value in settings.items()]
    init = ["def __init__(self):", *(f"    {part}" for part in ("super().__init__()", *made)), ""] if made else []
    forward = [f"def forward(self, {read}):", *(f"    {part}" for part in (*before, *code, f"return {result}"))]
    words = "; ".join(visible(f.text) for f in layer.lines)
    body = [f'"""{words}."""', "", *init, *forward]
    text = f"class {name}{line.place + 1}(nn.Module):\n" + textwrap.indent("\n".join(body), "    ")
    helpers = (TORCH.helpers.rstrip(),) if any(f"{helper}(" in part for part in code for helper in HELPERS) else ()
    places = {one: one for one in parameters}
    modules = ("import math",) if any("math." in part for part in code) else ()
    return Form(((name.lower(), f"{name}{line.place + 1}()"),), places=places, classes=(*modules, *helpers, text))


def _listed(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))
