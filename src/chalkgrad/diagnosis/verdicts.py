"""The diagnosis of claimed numbers: a verdict on each, and the mistakes that explain the wrong ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from ..base.address import Address
from .claims.claim import Claim
from .claims.slack import Slack
from .claims.typed import slips_of_the_pen
from .diagnosis import Diagnosis
from .factoring import where_it_sits
from .following import following
from .ground import Ground
from .lying import where_it_lies
from .result import Cause, Finding
from .rivals import Rivals
from .search import Kinds, Search
from .unseen import unseen_by

Array = np.ndarray[Any, Any]
MOST_OF_THE_PEN = 8
"""With more wrong numbers than this, none was mistyped."""
MOSTLY = 0.5
"""Mistakes that explain no larger share of the wrong numbers than this are not the mistake."""


def judged(ground: Ground) -> Diagnosis:
    """The verdicts on the claimed numbers, and the mistakes behind the wrong ones."""
    search = Search(ground)
    wrong = [n for n, c in ground.claims.items() if not ground.comparing.matches(c, ground.right[n])]
    by_hand = ground.comparing.rounded_by_hand(wrong)
    fewer = {n for n in wrong if ground.comparing.to_fewer_digits(ground.claims[n], ground.right[n])}
    wrong = [n for n in wrong if n not in by_hand | fewer]
    causes: list[Cause] = []
    unexplained: list[str] = []
    follows: set[str] = set()
    pen: dict[str, str] = {}
    if wrong:
        pen = _pen(ground, wrong)
        left = [n for n in wrong if n not in pen]
        faint = all(ground.comparing.by_single(ground.claims[n], ground.right[n]) for n in wrong)
        chosen, remaining = search.explain(left, by_hand | fewer, kinds=Kinds.FAINT if faint else Kinds.EVERY)
        if remaining and not faint:
            chosen, remaining = search.nearly(left, by_hand | fewer) or (chosen, remaining)
        if remaining and faint:  # right to float32's digits
            fewer |= set(wrong)
            wrong, remaining, chosen = [], [], ()
        causes = Rivals(ground).causes(chosen, [n for n in wrong if n not in pen], remaining)
        ground.comparing.slack = Slack.NONE
        follows, unexplained = following(ground, wrong, remaining)
    partly: tuple[Cause, ...] = ()
    if causes and not _mostly(ground, causes, unexplained):
        partly, causes = tuple(causes), []
        unexplained = [n for n in wrong if n not in follows and n not in pen]
    findings = tuple(_finding(ground, n, wrong, by_hand, follows, pen) for n in ground.claims)
    others = [n for n in unexplained if n not in follows]
    rights = [f.name for f in findings if f.verdict in ("right", "rounded by hand")]
    place, suspects = where_it_lies(ground.rerun, others, rights, {n: search.shields(n) for n in rights})
    unseen = cache(lambda: unseen_by(ground)) if not wrong and ground.optimizer_state is None else tuple
    few = tuple(n for n in unexplained if n in search.too_few)
    return Diagnosis(
        findings, tuple(causes), tuple(unexplained), ground.trace, partly, few, place, suspects, unseen
    )  # fmt: skip


def _pen(ground: Ground, wrong: Sequence[str]) -> dict[str, str]:
    """The values in which single numbers are mistyped or swapped."""
    marks = {n: ground.claims[n].mask & ~ground.comparing.same(ground.claims[n], ground.right[n]) for n in wrong}
    if sum(int(m.sum()) for m in marks.values()) > MOST_OF_THE_PEN:
        return {}
    found = slips_of_the_pen(ground.claims, ground.right, marks)
    return found if len(found) == len(wrong) else {}


def _mostly(ground: Ground, causes: Sequence[Cause], unexplained: Sequence[str]) -> bool:
    """Whether the causes explain more of the wrong numbers than they leave."""
    explained = {n for c in causes for n in c.explains}
    left = ground.wrong_numbers(unexplained)
    made = ground.wrong_numbers(explained)
    return made > MOSTLY * (made + left)


def _finding(
    ground: Ground, name: str, wrong: Sequence[str], by_hand: set[str], follows: set[str], pen: Mapping[str, str]
) -> Finding:
    claim = ground.claims[name]
    right = np.asarray(ground.right[name], dtype=np.float64)
    same = ground.comparing.same(claim, right) & claim.mask
    claimed, count = int(claim.mask.sum()), int(same.sum())
    digits = claim.digits
    if name in by_hand:
        return Finding(name, "rounded by hand", claimed, claimed, digits)
    if name not in wrong:
        return Finding(name, "right", claimed, claimed, digits)
    place = np.argwhere(claim.mask & ~same)
    first = str(Address(name, tuple(int(p) for p in place[0]))) if place.size else name
    verdict = "follows" if name in follows else "wrong"
    step = ground.rerun.steps.get(name)
    where = pen.get(name, "")
    if not where and step is not None and verdict == "wrong":
        where = where_it_sits(claim, right, step)
    return Finding(name, verdict, count, claimed, digits, first, where, _farthest(name, claim, right))


def _farthest(name: str, claim: Claim, right: Array) -> tuple[str, float, float]:
    """The number that is farthest from the right one: its address, the number, the right one."""
    with np.errstate(invalid="ignore"):
        apart = np.where(claim.mask, np.abs(claim.values - right), -1.0)
    place = tuple(int(i) for i in np.unravel_index(int(apart.argmax()), apart.shape))
    return str(Address(name, place)) if place else name, float(claim.values[place]), float(right[place])
