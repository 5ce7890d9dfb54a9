"""Where a fault lies that no mistake explains: after the last right values, before the first wrong ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .rerun import Rerun

MOST = 4
"""So many values are named."""


def where_it_lies(
    rerun: Rerun, wrong: Sequence[str], right: Sequence[str], shields: Mapping[str, int]
) -> tuple[str, tuple[str, ...]]:
    """Sentences that say between which values the fault lies, and these values; empty where nothing can be said.

    Args:
        rerun: the program.
        wrong: the wrong values that nothing explains, without those that follow from others.
        right: the claimed values that are right.
        shields: for each of these, as bits, the values that are likely right too.
    """
    wrong = [n for n in wrong if n in rerun.steps]
    right = [n for n in right if n in rerun.steps]
    if not wrong:
        return "", ()
    common = _suspects(rerun, wrong, shields)
    updated = [n for n in wrong if n in rerun.program.updated.values()]
    if common and len(updated) == len(wrong) > 1:
        own = [
            n
            for n, s in rerun.steps.items()
            if s.part == "update" and any(rerun.above[w] & rerun.bit[n] for w in wrong)
        ]
        before = [n for n in common if rerun.steps[n].part in ("backward", "update")] or common
        text = f"Every new value is wrong: the fault lies in the update, at {' or '.join(before[:MOST])}, or before."
        return text, (*common, *own)
    if common:
        return _sentence(rerun, wrong, right, common), tuple(common)
    each = {n: found for n in wrong if (found := _suspects(rerun, [n], shields))}
    sentences = [_sentence(rerun, [n], right, found) for n, found in each.items()]
    if len(sentences) > 1:
        sentences.insert(0, "No single value explains all of it.")
    return " ".join(sentences[: MOST + 1]), tuple(dict.fromkeys(n for found in each.values() for n in found))


def _suspects(rerun: Rerun, wrong: Sequence[str], shields: Mapping[str, int]) -> list[str]:
    """The values of which all wrong ones are computed and no right one."""
    every = -1
    for name in wrong:
        every &= rerun.above[name]
    for shielded in shields.values():
        every &= ~shielded
    return [n for n in rerun.steps if every & rerun.bit[n]]


def _sentence(rerun: Rerun, wrong: Sequence[str], right: Sequence[str], every: Sequence[str]) -> str:
    suspects = [n for n in every if rerun.steps[n].part in ("backward", "update")] or list(every)
    earlier = ", or in the forward pass" if len(suspects) < len(every) else ""
    places = " or ".join(suspects) if len(suspects) <= MOST else f"between {suspects[0]} and {suspects[-1]}"
    layer = {rerun.steps[n].owner.text for n in suspects}
    owner = f" ({next(iter(layer))})" if len(layer) == 1 else ""
    at = "at " if len(suspects) <= MOST else ""
    text = f"The fault lies {at}{places}{owner}{earlier}: "
    first = rerun.steps[suspects[0]]
    before = [n for n in right if rerun.above[suspects[0]] & rerun.bit[n]]
    beside = [n for n in right if n not in before and rerun.above[n] & _inputs(rerun, first.inputs)]
    known = (before or beside)[-MOST:]
    if known:
        text += f"{_listed(known)} {'is' if len(known) == 1 else 'are'} right, "
    return text + f"{_listed(wrong[:MOST])} {'is' if len(wrong) == 1 else 'are'} wrong."


def _inputs(rerun: Rerun, names: Sequence[str | None]) -> int:
    return sum(rerun.bit.get(n or "", 0) for n in dict.fromkeys(names))


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
