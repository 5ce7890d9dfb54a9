"""Parameters that every number along an axis is multiplied with, or that are added to it: lines of one formula."""

from __future__ import annotations

from typing import Any

from ...describe.layers.from_formulas import Statement, layer_of
from ...describe.layers.registry import FROM_FILES
from .moved import LETTERS
from .trace import Call, Ref
from .translation import Translation
from .values import Value, Weight, counted

KINDS = {"Weighted": ("g", "ones", "{g} * {z}"), "Shifted": ("b", "zeros", "{z} + {g}")}
"""The parameter, its values at the start, and the formula, by the kind of the line."""


def by_axis(t: Translation, call: Call, value: Value, weight: Value, word: str, result: Any = None) -> Value | None:
    """A value with a parameter for each place of one axis; None where the parameters are others.

    Args:
        t: the translation.
        call: the call.
        value: the value.
        weight: the parameters, whose axes are the value's last ones.
        word: "Weighted" or "Shifted".
        result: the tensor of the run that it is; None for one that the module has not.
    """
    shape = tuple(weight.index.shape)
    axes = value.index.ndim
    long = [axes - len(shape) + k for k, size in enumerate(shape) if size > 1]
    if len(shape) > axes or len(long) != 1 or long[0] == 0 or axes - 1 > len(LETTERS):
        return None
    if value.index.shape[long[0]] != max(shape):
        return None
    source = t.plain(value, call).source
    assert not isinstance(source, Weight)
    if len(source.shape) != axes - 1:
        return None
    name, start, text = KINDS[word]
    letters = LETTERS[: axes - 1]
    z = f"z[{','.join(['n', *letters])}]"
    formula = f"a{z[1:]} = {text.format(g=f'{name}[{letters[long[0] - 1]}]', z=z)}"
    kind = layer_of(Statement(t.kind_of(word, (formula,)), (formula,), parameters=((name, start),)), FROM_FILES)
    draft = t.draft(kind(), (source,), source.shape, call)
    draft.tensors[name] = Value(weight.sources, weight.index.reshape(-1), weight.tensor.reshape(-1))
    names = [part.name for part in weight.sources if isinstance(part, Weight)]
    draft.facts["path"] = names[0]
    if isinstance(result, Ref):
        return t.give(result, draft)
    tensor = weight.tensor.detach().reshape(-1, *[1] * (axes - 1 - long[0]))
    found = value.tensor * tensor if word == "Weighted" else value.tensor + tensor
    draft.witness = Value((draft,), counted((t.samples, *source.shape)), found)
    return draft.witness
