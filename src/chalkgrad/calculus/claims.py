"""Somebody's backward lines against the derived ones: equal, equal in another form or on a condition, or what differs.

    forward   z[n,o] = sum_i x[n,i] * W[i,o] + b[o]
    claimed   dW[i,o] = mean_n dz[n,o] * x[n,i]        divided by |n|: a mean over n where the sum belongs

Whether two lines are equal is decided on drawn operands in float64; what differs, and why another form is equal, is
read from their trees.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from ..base.errors import FormulaError, nearest
from ..formula.formula import Formula
from ..formula.nodes import ELLIPSIS, Count, Element, Node, Number, Reduction, Symbol, walk
from ..formula.rewrite import rewritten
from ..formula.text import text
from .claim import Claim, Verdict
from .comparison import Comparison
from .conditions import Condition, conditions
from .derivation import derivation
from .derivative import Derivative, alike, derivative
from .differences import Difference, Differences, cost, differences, replacement, same, unlike
from .drawn_values import DrawnValues, own_settings
from .draws import Draw
from .identities import adding_up, because, written_out
from .mistakes import made
from .names import derivative_name
from .replacing import lettered
from .simplify import Known, expanded, folded, known_from, simplest
from .terms import names_in, tidied

Array = np.ndarray[Any, Any]
EXACT = 1e-9
"""How far two values may lie apart, relative to the largest."""
LIMITS = 3
"""How many conditions at most are named."""
MOST_CHANGES, LARGEST = 200, 60
"""So many changes of a claimed line are tried at most, on one with no more numbers than this."""
ALGEBRA = ("multiplied out", "common factors in front")
"""Moves that need no reason."""
TIES = "no number is 0 or at a kink, and no two that are compared are equal"
"""The condition of a line that has another convention at kinks, or where two numbers are equal."""


def compare(lines: Sequence[Formula | str], claimed: Sequence[Formula | str] | Formula | str) -> Comparison:
    """Claimed backward lines beside those that follow from forward lines.

    Args:
        lines: the forward lines in order, as for `derivation`.
        claimed: one backward line or several: dz is the derivative of the loss by z. Each may read all values of the
            forward lines, and all derivatives; these are taken to be right. A line of another name is a help value for
            those after it. Where the last forward line gives one number, its derivative is 1 if no line names it.

    Raises:
        FormulaError: where a line cannot be read, reads what is not there, or nothing can be derived.
    """
    given = [claimed] if isinstance(claimed, (Formula, str)) else list(claimed)
    if not given:
        raise FormulaError("there is no claimed line to compare")
    forward, backward = ([x.text if isinstance(x, Formula) else x for x in part] for part in (lines, given))
    return _Comparing(forward, backward).run()


@dataclass(frozen=True, slots=True)
class _Form:
    """A form of the right side.

    Attributes:
        node: the right side.
        line: the whole line, as text.
        given: a condition on which it is right; "" for none.
        words: what is known that makes it equal to the shortest form.
    """

    node: Node
    line: str
    given: str = ""
    words: tuple[str, ...] = ()


class _Comparing:
    def __init__(self, forward: Sequence[str], claimed: Sequence[str]) -> None:
        read = [Formula(line) for line in forward]
        outputs = {line.output for line in read}
        settings = frozenset(s for line in read for s in line.symbols) - outputs
        claimed = [_with_ranges(line, read) for line in claimed]
        every = alike([Formula(line, settings & Formula(line).symbols) for line in (*forward, *claimed)])
        self.lines, self.claimed = every[: len(forward)], every[len(forward) :]
        self.values = {n for line in self.lines for n in (line.arrays | line.symbols)} - settings | outputs
        self.letters = {i for line in self.lines for i in line.indices}
        back = derivative_name(self.lines[-1].output)
        named = any(Symbol(back) in walk(line.right) for line in self.claimed)
        self.numbers = DrawnValues(
            derivation(self.lines), settings, one=isinstance(self.lines[-1].left, Symbol) and not named
        )
        self.known = known_from(self.lines)
        self._check(settings)

    def _check(self, settings: frozenset[str]) -> None:
        there = {*self.values, *map(derivative_name, self.values), *settings, self.numbers.back}
        for line in self.claimed:
            for name in sorted((line.arrays | line.symbols) - there):
                raise FormulaError(
                    f"{line.text!r} reads {name}, which is no value here; {nearest(name, sorted(there))}; what comes "
                    f"back is called {self.numbers.back}"
                )
            there.add(line.output)
        if not any(map(self._of, self.claimed)):
            names = ", ".join(derivative_name(n) for n in self.numbers.derivation.operands)
            for name in sorted(settings):
                if any(line.output == derivative_name(name) for line in self.claimed):
                    raise FormulaError(
                        f"{name} stands without indices and is a setting, by which nothing is derived; for a "
                        f"derivative by it give it an index of its own, {name}[k], in all lines"
                    )
            raise FormulaError(f"no claimed line gives a derivative: none of {names} stands on its left")

    def _of(self, line: Formula) -> str:
        """The value whose derivative a claimed line gives; "" for a help value."""
        return next((v for v in sorted(self.values) if derivative_name(v) == line.output), "")

    def run(self) -> Comparison:
        _ = self.numbers.draws  # where the forward lines do not fit, no claimed line is to blame
        claims = tuple(self._claim(line) for line in self.claimed if self._of(line))
        return Comparison(tuple(self.lines), claims, self.numbers.derivation)

    # -- one line --------------------------------------------------------------------------------------------------

    def _claim(self, line: Formula) -> Claim:
        of = self._of(line)
        place, forms = self._right_forms(line, of)
        left = Element(line.output, place) if place else Symbol(line.output)
        try:
            apart = self._farthest(line)
        except FormulaError as error:
            found, form, theirs = self._nearest(line, place, forms)
            claim = Claim(of, line, Verdict.WRONG, form.line, left, form.node, theirs, apart=np.inf)
            return replace(claim, differences=self._misfit(line, error, found))
        drawn = self.numbers.draws[0].words
        if apart <= EXACT:
            return self._right(
                Claim(of, line, Verdict.EQUAL, "", left, line.right, line.right, drawn=drawn), place, forms
            )
        found, form, theirs = self._nearest(line, place, forms)
        claim = Claim(of, line, Verdict.WRONG, form.line, left, form.node, theirs, apart=apart, drawn=drawn)
        many = len(found) > 1
        if form.given and not found:
            found, form, theirs = self._nearest(line, place, [f for f in forms if not f.given])
            claim = replace(claim, ours=form.node, right=form.line, theirs=theirs)
        elif unlike(form.node, theirs, found) or not found:
            found, many = (Difference("the two have little in common", form.node, theirs),), True
        if self._assigns(line) and "+=" in form.line:
            found, many = (Difference("= keeps the last of what falls on one place, where += adds it up"),), False
        if many and not all(d.brief for d in found) and (one := self._times(line)) is not None:
            return replace(claim, differences=(one,))
        limits = tuple(self._conditions(line, found))
        if many and (one := self._one_change(line)) is not None:
            found = (one,)
        verdict = Verdict.CONDITIONAL if limits else Verdict.WRONG
        given = (f"({form.given})",) if form.given and not limits else ()
        return replace(claim, verdict=verdict, conditions=limits, differences=found, given="".join(given))

    def _right(self, claim: Claim, place: tuple[Node, ...], forms: Sequence[_Form]) -> Claim:
        """What is said of a line that is right on all numbers."""
        line = claim.claimed
        if self._differs_at_ties(line):
            found, form, theirs = self._nearest(line, place, forms)
            claim = replace(claim, right=form.line, ours=form.node, theirs=theirs, verdict=Verdict.CONDITIONAL)
            return replace(claim, conditions=(TIES,), differences=found if len(found) == 1 else ())
        own = line.left.indices if isinstance(line.left, Element) else ()
        best: tuple[int, _Form, Node, tuple[str, ...]] | None = None
        plain = [f for f in forms if not f.given]
        for theirs, words in self._claimed_forms(line).items():
            node = lettered(theirs, own, place)
            for form in plain:
                said = len(words) + len(form.words)
                if (best is None or said < best[0]) and same(form.node, node):
                    best = said, form, node, words
        if best is not None:
            _, form, theirs, words = best
            words = tuple(dict.fromkeys([*words, *form.words]))
            verdict = Verdict.ANOTHER_FORM if words else Verdict.EQUAL
            return replace(
                claim, verdict=verdict, because=words, right=form.line, ours=form.node, theirs=theirs
            )  # fmt: skip
        known = [*self.known, *adding_up(self.lines, self.numbers.sums())]
        form = plain[0]
        _, _, theirs = self._nearest(line, place, plain)
        reasons = because(form.node, theirs, self.lines, known)
        return replace(
            claim, verdict=Verdict.ANOTHER_FORM, because=reasons, right=form.line, ours=form.node, theirs=theirs
        )

    def _times(self, line: Formula) -> Difference | None:
        """What is said where a line is a number times the right one; None where it is not."""
        ratios: list[float] = []
        for drawn in self.numbers.draws:
            values = self.numbers.values(drawn)
            if values is None:
                continue
            right, claimed = values[line.output], self._value(line, values, drawn)
            size = float((right * right).sum())
            if not size or not np.isfinite(claimed).all():
                return None
            ratios.append(float((right * claimed).sum()) / size)
            if np.abs(claimed - ratios[-1] * right).max(initial=0.0) > EXACT * np.abs(claimed).max(initial=0.0):
                return None
        if not ratios or max(ratios) - min(ratios) > EXACT * max(map(abs, ratios)) or not ratios[0]:
            return None
        ratio = ratios[0]
        if ratio == -1:
            return Difference("the sign is flipped", brief=True)
        said = f"1/{1 / ratio:g}" if abs(ratio) < 1 and abs(1 / ratio - round(1 / ratio)) < EXACT else f"{ratio:g}"
        return Difference(f"it is {said} times what it should be", brief=True)

    def _one_change(self, line: Formula) -> Difference | None:
        """What is said where one small change makes a line right, as people make them; None where none does."""
        drawn = min(self.numbers.draws, key=lambda d: sum(a.size for a in d.arrays.values()))
        values = self.numbers.values(drawn)
        if values is None or values[line.output].size > LARGEST:
            return None
        back = {derivative_name(v) for v in self.values}
        numbers = (line.symbols | line.options) - line.indices
        for change in made(line, upstream=back & line.arrays, settings=numbers)[:MOST_CHANGES]:
            try:
                apart = self._apart(change.formula, drawn)
                if apart is not None and apart <= EXACT and self._farthest(change.formula) <= EXACT:
                    return Difference(f"one change makes it right: {change.formula.text}", brief=True)
            except (FormulaError, ArithmeticError, ValueError, IndexError, TypeError):
                continue
        return None

    @property
    def _back(self) -> str:
        return self.lines[-1].output

    @staticmethod
    def _assigns(line: Formula) -> bool:
        places = line.left.indices if isinstance(line.left, Element) else ()
        return not line.accumulates and any(isinstance(n, Element) for place in places for n in walk(place))

    # -- numbers ---------------------------------------------------------------------------------------------------

    def _farthest(self, line: Formula) -> float:
        """How far a claimed line is from the right one at most, relative to the largest number; where the right one is
        0 everywhere, how far it is from that.

        Raises:
            FormulaError: where the shapes do not fit.
        """
        apart = [a for drawn in self.numbers.draws if (a := self._apart(line, drawn)) is not None]
        return max(apart) if apart else max(self._apart(line, drawn, floor=0.0) or 0.0 for drawn in self.numbers.draws)

    def _apart(self, line: Formula, drawn: Draw, floor: float = 1e-9) -> float | None:
        values = self.numbers.values(drawn)
        if values is None:
            return None
        right, claimed = values[line.output], self._value(line, values, drawn)
        if not np.isfinite(claimed).all():
            return np.inf
        size = float(np.abs(right).max(initial=0.0))
        if size <= floor:
            return None if floor else float(np.abs(claimed).max(initial=0.0))
        return float(np.abs(claimed - right).max(initial=0.0)) / size

    def _value(self, line: Formula, values: Mapping[str, Array], drawn: Draw) -> Array:
        """What a claimed line gives; NaN where it divides by 0."""
        values = dict(values)
        shape = values[line.output].shape
        try:
            with np.errstate(all="ignore"):
                for helping in self._helping(line):
                    values[helping.output] = helping.evaluate(values, own_settings(helping, drawn))
                return line.evaluate(values, own_settings(line, drawn), shape)
        except ArithmeticError:
            return np.full(shape, np.nan)

    def _helping(self, line: Formula) -> list[Formula]:
        """The help values before a claimed line."""
        before = self.claimed[: next(k for k, other in enumerate(self.claimed) if other.output == line.output)]
        return [other for other in before if not self._of(other)]

    def _differs_at_ties(self, line: Formula) -> bool:
        """Whether a line that is right in general is not at kinks, or where numbers are equal."""
        for drawn in self.numbers.draws:
            rounded = {n: np.round(a) for n, a in drawn.arrays.items() if n != self.numbers.back}
            apart = self._apart(line, replace(drawn, arrays={**drawn.arrays, **rounded}))
            if apart is not None and apart > EXACT:
                return True
        return False

    def _misfit(self, line: Formula, error: FormulaError, found: Differences) -> Differences:
        """What is said of a line that does not fit the shapes."""
        if self._transposed(line):
            words = f"{text(line.left)} is the transpose of what belongs: its indices stand the other way round"
            return (Difference(words),)
        said = () if len(found) > 2 else found
        return (*said, Difference(f"the shapes do not fit: {error}"))

    def _transposed(self, line: Formula) -> bool:
        """Whether a line is right with the two indices on its left the other way round."""
        if not isinstance(line.left, Element) or len(line.left.indices) != 2:
            return False
        turned = Element(line.output, line.left.indices[::-1])
        sign, _, ranges = "+=" if line.accumulates else "=", *line.text.partition(" for ")[1:]
        try:
            other = Formula(f"{text(turned)} {sign} {text(line.right)}" + f" for {ranges}" * bool(ranges), line.options)
            return self._farthest(other) <= EXACT
        except FormulaError:
            return False

    # -- the conditions --------------------------------------------------------------------------------------------

    def _conditions(self, line: Formula, found: Differences) -> Iterator[str]:
        """The conditions on which a line that is wrong in general is right, for each value the most general one."""
        nodes = [n for d in found for n in (d.right, d.claimed) if n is not None]
        named = {name for node in nodes for name in names_in(node)} if nodes and len(nodes) == len(found) else None
        every = list(conditions(self.lines, self.numbers.draws[0], self.numbers.back))
        own = self._of(line)  # a line for one number of its value only is wrong
        every = [c for c in every if c.about != own or not c.words.endswith((" is 0", " is 1"))]
        chosen = [c for c in every if named is None or c.about in named or "twice" in c.words]
        if self.numbers.one:  # what comes back to a loss is 1
            chosen = [c for c in chosen if c.about != self.numbers.back]
        about: list[str] = []
        for condition in chosen:
            if condition.about not in about and len(about) < LIMITS and self._holds(line, [condition]):
                about.append(condition.about)
                yield condition.words
        if about:
            return
        for pair in combinations([c for c in chosen if " is 1" in c.words or "adds up to 1" in c.words], 2):
            ones = sum(" is 1" in c.words for c in pair)  # two of them make numbers that agree by chance
            if pair[0].about != pair[1].about and ones < 2 and self._holds(line, pair):
                yield " and ".join(c.words for c in pair)
                return

    def _holds(self, line: Formula, chosen: Sequence[Condition]) -> bool:
        """Whether a line is right on every draw in which the conditions hold, and not only because all is 0."""
        said = False
        for drawn in self.numbers.draws:
            changed: Draw | None = drawn
            for condition in chosen:
                changed = None if changed is None else condition.change(changed)
            try:
                apart = None if changed is None else self._apart(line, changed)
            except (FormulaError, ArithmeticError, ValueError, IndexError):
                return False
            if apart is not None and apart > EXACT:
                return False
            said |= apart is not None
        return said

    # -- the trees -------------------------------------------------------------------------------------------------

    def _nearest(
        self, line: Formula, place: tuple[Node, ...], forms: Sequence[_Form]
    ) -> tuple[Differences, _Form, Node]:
        """What differs from the form of the right side with which a claimed one has most in common, that form, and the
        claimed one.
        """
        own = line.left.indices if isinstance(line.left, Element) else ()
        best: tuple[float, tuple[Differences, _Form, Node]] | None = None
        for theirs, words in self._claimed_forms(line).items():
            node = lettered(theirs, own, place)
            for form in forms:
                one = replacement(form.node, node)
                found = differences(form.node, node, self._back) if one is None else (one,)
                price = cost(found) + (1.0 if form.given else 0.0) + 0.1 * (len(words) + len(form.words))
                if best is None or price < best[0]:
                    best = price, (found, form, node)
        assert best is not None
        return best[1]

    def _right_forms(self, line: Formula, of: str) -> tuple[tuple[Node, ...], list[_Form]]:
        """The place on the left, and forms of the right side: through all values between, or only through those whose
        derivatives the claimed line reads.
        """
        lefts = line.left.indices if isinstance(line.left, Element) else ()
        read = self._read(line)
        last = self.lines[-1].output
        found: list[Derivative] = []
        for through in (None, {last}, {last, *(v for v in self.values if derivative_name(v) in read)}):
            try:
                one = next((d for d in self.numbers.derivation.derivatives if d.of == of), None)
                found += [
                    d for d in (one if through is None else derivative(self.lines, of, through),) if d is not None
                ]
            except FormulaError:
                continue
        if not found:
            return lefts, [_Form(Number(0.0), f"{text(line.left)} = 0")]
        place = found[0].place
        forms: dict[Node, _Form] = {}
        for one in found:
            every: dict[Node, tuple[str, ...]] = {one.right: (), expanded(one.right): ()}
            for number, form in enumerate(one.forms):
                every.setdefault(form.node, _reasons(f.name for f in one.forms[number + 1 :]))
            for node, words in every.items():
                node = tidied(self._counted(self._ended(lettered(node, one.place, place))))
                forms.setdefault(node, _Form(node, one.text, words=words))
        found_forms = list(forms.values())
        derivatives = set(map(derivative_name, self.values))
        fitting = [f for f in found_forms if names_in(f.node) & derivatives <= read | {self.numbers.back}]
        fitting = fitting or found_forms
        return place, [*fitting, *self._given_forms(fitting)]

    def _given_forms(self, forms: Sequence[_Form]) -> list[_Form]:
        """Forms on the condition that an operand's numbers add up to 1, as those of a target do."""
        found: list[_Form] = []
        for name in sorted(self.values - {line.output for line in self.lines}):
            element = next((e for line in self.lines for e in line.elements if e.name == name), None)
            for letter in element.indices if element is not None else ():
                if element is None or not isinstance(letter, Symbol) or letter.name == ELLIPSIS:
                    continue
                whole = Reduction("sum", (letter.name,), element)
                known = Known(Number(1.0), whole, "")
                for form in forms:
                    node = tidied(folded(form.node, known))
                    if node != form.node:
                        given = f"{name} adds up to 1 over {letter.name}"
                        found += [_Form(n, form.line, given) for n in (node, expanded(node))]
        return found

    def _read(self, line: Formula) -> set[str]:
        """The names that a claimed line reads, itself or by help values."""
        names = set(line.arrays | line.symbols)
        for helping in reversed(self._helping(line)):
            if helping.output in names:
                names |= helping.arrays | helping.symbols
        return names

    def _ended(self, node: Node) -> Node:
        """Where the loss is one number, its own derivative is 1."""
        end = Symbol(self.numbers.back)
        return rewritten(node, lambda n: Number(1.0) if n == end else n) if self.numbers.one else node

    def _counted(self, node: Node) -> Node:
        """A tree in which |j| is |n| where j and n are indices of the same place of an array."""
        places: dict[tuple[str, int], str] = {}
        of = {derivative_name(v): v for v in self.values}
        for element in (e for line in self.lines for e in line.elements):
            for axis, letter in enumerate(element.indices):
                if isinstance(letter, Symbol) and letter.name in self.letters:
                    places.setdefault((element.name, axis), letter.name)
        same: dict[str, str] = {}
        for element in (n for n in walk(node) if isinstance(n, Element)):
            for axis, letter in enumerate(element.indices):
                first = places.get((of.get(element.name, element.name), axis))
                if isinstance(letter, Symbol) and first is not None:
                    same.setdefault(letter.name, first)
        return rewritten(node, lambda n: Count(same.get(n.index, n.index)) if isinstance(n, Count) else n)

    def _claimed_forms(self, line: Formula) -> dict[Node, tuple[str, ...]]:
        """Forms of a claimed right side, help values written out, and what is known that makes them equal to it."""
        node = line.right
        for helping in reversed(self._helping(line)):
            node = written_out(node, helping)
        forms: dict[Node, tuple[str, ...]] = {node: ()}
        node = rewritten(node, lambda n: line.bounds.get(n.index, n) if isinstance(n, Count) else n)
        node = tidied(self._counted(tidied(node)))
        forms.update({node: (), expanded(node): ()})
        shorter = simplest(node, self.known)
        for number, form in enumerate(shorter):
            forms.setdefault(form.node, _reasons(f.name for f in shorter[: number + 1]))
        return forms


def _with_ranges(line: str, lines: Sequence[Formula]) -> str:
    """A claimed line with the ranges that the forward lines give to its letters, where it gives none."""
    read = Formula(line)
    ranges = {i: bound for one in lines for i, bound in one.bounds.items()}
    missing = sorted(read.symbols & ranges.keys() - {e.name for one in lines for e in one.elements})
    if read.bounds or not missing:
        return line
    return f"{line} for {', '.join(f'{i} < {text(ranges[i])}' for i in missing)}"


def _reasons(names: Iterable[str]) -> tuple[str, ...]:
    """The moves that need a reason, each once."""
    return tuple(dict.fromkeys(name for name in names if name not in ("", *ALGEBRA)))


__all__ = ["Claim", "Comparison", "Verdict", "compare"]
