"""One mistake that is made alike in several places: in every gate of a layer, in every layer of a kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from ...base.errors import FormulaError
from ...program import Program
from ...rules import shares
from ...rules.rule import Mistake
from .slip import Carried, Slip

GATED = ("LSTM", "GRU")
FARTHER = 0.2
"""How much more far-fetched a mistake is in every place than in one."""
EVERY_UPDATE = -0.05
"""An optimizer is one piece of code: what it does to one parameter it does to all."""

Kind = tuple[str, str, float, Carried]
"""What the mistakes of several places have in common: what is said of them, the kind of value, how far-fetched they
are, and what their loops carry."""


def made_alike(slips: Sequence[Slip], program: Program) -> Iterator[Slip]:
    """The slips that are several of the given ones at once.

    Args:
        slips: those of single steps.
        program: the steps.
    """
    kinds: dict[Kind, list[Slip]] = {}
    for slip in slips:
        kind = _kind(slip, program)
        if kind is not None:
            kinds.setdefault(kind, []).append(slip)
    for places in kinds.values():
        if len(places) < 2:
            continue
        seen: set[frozenset[str]] = set()
        fits = {id(slip) for slip in places if _fits(slip, program)}
        for where, members in _groups(places):
            together = {slip.output: slip for slip in reversed(members) if id(slip) in fits}  # at one step the first
            outputs = frozenset(together)
            if len(outputs) > 1 and outputs not in seen:
                seen.add(outputs)
                all_fit = all(id(slip) in fits for slip in members)
                chosen = [slip for slip in members if together.get(slip.output) is slip]
                yield _together(chosen, where if all_fit else f"{where} where the shapes allow it")


def _groups(slips: Sequence[Slip]) -> Iterator[tuple[str, list[Slip]]]:
    """Slips of one kind by the layer that they are in, by the kind of layer, and all of them."""
    if slips[0].step.owner.kind == "optimizer":
        yield "for every parameter", list(slips)
        return
    if slips[0].step.owner.kind == "penalty":
        yield "for every penalty", list(slips)
        return
    layers: dict[str, list[Slip]] = {}
    titles: dict[str, list[Slip]] = {}
    for slip in slips:
        layers.setdefault(slip.step.owner.text, []).append(slip)
        titles.setdefault(_title(slip), []).append(slip)
    for owner, members in layers.items():
        yield f"in every gate of {owner}" if _title(members[0]) in GATED else f"everywhere in {owner}", members
    for title, members in titles.items():
        yield f"in every {title} layer", members
    if len(titles) > 1:
        yield "everywhere" if slips[0].general else "in every layer", list(slips)


def _fits(slip: Slip, program: Program) -> bool:
    """Whether the shapes allow a mistake: a transpose that is left out needs a square matrix."""
    step = slip.mistaken
    if step is None or (formula := step.formula) is None:
        return True
    pairs = zip(step.rule.operands, step.inputs, strict=True)
    shapes = {o: program.shapes[i] for o, i in pairs if i is not None and i in program.shapes}
    try:
        return formula.output_shape(shapes, step.options) in (None, step.shape)
    except FormulaError:
        return False


def _title(slip: Slip) -> str:
    """The kind of layer that a slip is in."""
    return slip.step.owner.title.partition(" ")[0]


def _kind(slip: Slip, program: Program) -> Kind | None:
    """What a slip has in common with the same mistake elsewhere; None where it is one of its place alone."""
    if slip.step.owner.kind not in ("layer", "optimizer", "penalty"):
        return None
    if slip.step.part == "forward" and not slip.made:
        return None
    words = said_of_any(slip)
    if words is None:
        return None
    names = {slip.step.bound.get(o) for o in slip.step.rule.operands}
    by_parameter = words != slip.mistake and any(n in program.parameters for n in names)
    kind = "" if by_parameter else slip.step.part + slip.step.rule.output[:2]
    return words, kind, slip.weight, slip.carried


def said_of_any(slip: Slip) -> str | None:
    """The mistake in words without the names of its place: U for Ui1 and Uf1; None where these cannot be left out."""
    if slip.general or slip.step.rule is shares.sum_of_shares:
        return slip.general or None
    wrong = None if slip.mistaken is None else slip.mistaken.rule
    if isinstance(wrong, Mistake):
        letters = {o: o[0] for o in (*slip.step.bound, *slip.step.rule.operands)}
        return wrong.text.format(**{**letters, **slip.mistaken.options})  # type: ignore[union-attr]
    return slip.mistake if slip.factor is not None else None


def _together(members: Sequence[Slip], where: str) -> Slip:
    first = members[0]
    words = said_of_any(first) or first.mistake
    farther = EVERY_UPDATE if first.step.owner.kind == "optimizer" else FARTHER
    return dataclasses.replace(
        first, mistake=words, weight=first.weight + farther, where=where, members=tuple(members)
    )  # fmt: skip
