"""Differences in words: somebody's right side beside the right one, term by term and factor by factor.

    right     sum_n dz[n,o] * x[n,i]
    claimed   sum_n z[n,o] * x[n,i]        z[n,o] stands where dz[n,o] belongs

Both are taken apart into terms, the terms into factors, sums and functions into what is inside them; what is the same
on both sides is set aside, and what is left over is paired so that as little as possible is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from ..base.caching import cached_property
from ..formula.nodes import ELLIPSIS, Binary, Count, Element, Function, Indicator, Node, Number, Reduction, Symbol, walk
from ..formula.rewrite import renamed_letters, replaced, rewritten
from ..formula.text import text
from .names import derivative_name
from .simplify import size
from .terms import Product, fresh, is_sum, key, names_in, new_letter, product, terms, tidied


@dataclass(frozen=True)
class Difference:
    """One thing in which a claimed right side differs.

    Attributes:
        words: what it is.
        right: what belongs there; None where nothing does.
        claimed: what stands there; None where nothing does.
        brief: whether it is one small thing, however long what it is about.
    """

    words: str
    right: Node | None = None
    claimed: Node | None = None
    brief: bool = False

    @cached_property
    def cost(self) -> float:
        """How much is said with it: a thing, and its length."""
        if self.brief:
            return 1.5
        return 1 + 0.25 * sum(size(node)[0] for node in (self.right, self.claimed) if node is not None)


Differences = tuple[Difference, ...]


def cost(found: Sequence[Difference]) -> float:
    """How much is said with several."""
    return sum(one.cost for one in found)


def differences(right: Node, claimed: Node, back: str = "") -> Differences:
    """What differs, in as few and short words as there are; nothing for the same formula.

    A single sum is not named as the place.

    Args:
        right: the right side.
        claimed: the claimed one, with the same letters where they mean the same.
        back: the value whose derivative comes back, to say so where that is left out.
    """
    comparing = _Comparing(derivative_name(back) if back else "")
    found = comparing.sums(right, claimed, whole=True)
    if any(isinstance(n, Indicator) for n in walk(claimed)):
        found = min(found, comparing.sums(_against_0(right), _against_0(claimed), whole=True), key=cost)
    if len(terms(right)) == len(terms(claimed)) == 1:
        sums = [f for f, _ in product(claimed).powers.values() if isinstance(f, Reduction)]
        ending = f", in {text(sums[0])}" if len(sums) == 1 else ""
        found = tuple(replace(d, words=d.words.removesuffix(ending)) for d in found) if ending else found
    return found


def same(right: Node, claimed: Node) -> bool:
    """Whether two right sides are the same but for the order of their parts: nothing differs."""
    if key(tidied(right)) == key(tidied(claimed)):
        return True
    compared = any(isinstance(n, Indicator) for n in walk(claimed))
    return compared and key(tidied(_against_0(right))) == key(tidied(_against_0(claimed)))


def _against_0(node: Node) -> Node:
    """A tree in which all is compared with 0: [y < 1] is [1 - y > 0], [z > 0.2 z] is [z > 0]."""

    def change(inner: Node) -> Node:
        if not isinstance(inner, Indicator) or inner.comparison == "=":
            return inner
        first, second = inner.left, inner.right
        if inner.comparison in ("<", "<="):
            first, second = second, first
        apart, comparison = tidied(Binary("-", first, second)), inner.comparison.replace("<", ">")
        if len(terms(apart)) == 1:
            one = product(apart)
            comparison = comparison if one.number > 0 else comparison.replace(">", "<")
            apart = one.scaled(1 / one.number).node
        return Indicator(comparison, apart, Number(0.0))

    return rewritten(node, change)


def replacement(right: Node, claimed: Node) -> Difference | None:
    """The one element that stands where another one belongs, if that is all; None where it is not."""
    goal = key(tidied(right))
    ours = {n for n in walk(right) if isinstance(n, Element)}
    for theirs in dict.fromkeys(n for n in walk(claimed) if isinstance(n, Element)):
        for other in sorted(ours - {theirs}, key=lambda n: (n.name != theirs.name, text(n))):
            if key(tidied(replaced(claimed, theirs, other))) == goal:
                return _stands(theirs, other)
    return None


def unlike(right: Node, claimed: Node, found: Sequence[Difference]) -> bool:
    """Whether two right sides have so little in common that their differences say less than the lines themselves."""
    return len(found) > 3 or cost(found) > 1.5 + 0.3 * (size(right)[0] + size(claimed)[0])


class _Comparing:
    def __init__(self, back: str) -> None:
        self.back = back
        self._known: dict[tuple[Node, Node], Differences | None] = {}

    # -- sums ------------------------------------------------------------------------------------------------------

    def sums(self, right: Node, claimed: Node, *, whole: bool = False) -> Differences:
        """Two expressions as sums of terms; a sum beside a product with a sum in it as a product too."""
        if key(tidied(right)) == key(tidied(claimed)):
            return ()
        ours, theirs = terms(right), terms(claimed)
        found = _once(self._terms(ours, theirs, whole=whole))
        first, second = product(right), product(claimed)
        if (len(ours) == 1) != (len(theirs) == 1) and max(len(first.powers), len(second.powers)) > 1:
            other = _once(self.products(first, second, alone=whole))
            found = min(found, other, key=cost)
        return found

    def _terms(self, ours: list[Product], theirs: list[Product], *, whole: bool) -> Differences:
        alone = whole and len(ours) == 1
        for term in list(ours):
            same = next((t for t in theirs if t.key == term.key and t.number == term.number), None)
            if same is not None:
                ours.remove(term)
                theirs.remove(same)
        pairs: list[tuple[float, int, int, Differences]] = []
        for i, term in enumerate(ours):
            for j, other in enumerate(theirs):
                found = self.products(term, other, alone=alone)
                saved = _missing(term).cost + _surplus(other).cost - cost(found)
                if saved > 0 or (len(ours) == len(theirs) == 1 and not whole):
                    pairs.append((-saved, i, j, found))
        pairs.sort(key=lambda pair: pair[:3])
        result: list[Difference] = []
        left, over = dict(enumerate(ours)), dict(enumerate(theirs))
        for _, i, j, found in pairs:
            if i in left and j in over:
                result.extend(found)
                del left[i], over[j]
        if len(left) == len(over) == 1 and whole and not result:
            ((_, term),), ((_, other),) = left.items(), over.items()
            return (_stands(other.node, term.node),)
        result.extend(map(_missing, left.values()))
        result.extend(map(_surplus, over.values()))
        return tuple(result)

    # -- products --------------------------------------------------------------------------------------------------

    def products(self, right: Product, claimed: Product, *, alone: bool) -> Differences:
        """Two terms as products of factors; sums that only one of them has may be taken apart."""
        best = self._factors(right, claimed, alone=alone)
        for ours, over, one in _opened(right, claimed):
            words = f"not summed over {over}: {text(one.body)} stands where the sum belongs"
            found = (*self._factors(ours, claimed, alone=alone), Difference(words))
            best = min(best, found, key=cost)
        for theirs, over, one in _opened(claimed, right):
            words = f"summed over {over}, where {text(one.body)} stands alone"
            found = (*self._factors(right, theirs, alone=alone), Difference(words))
            best = min(best, found, key=cost)
        return best

    def _factors(self, right: Product, claimed: Product, *, alone: bool) -> Differences:
        found: list[Difference] = []
        left: list[Product] = []
        over: list[Product] = []
        for place in {**right.powers, **claimed.powers}:
            factor = (right.powers.get(place) or claimed.powers[place])[0]
            ours = right.powers.get(place, (factor, 0.0))[1]
            theirs = claimed.powers.get(place, (factor, 0.0))[1]
            if ours == theirs:
                continue
            if ours and theirs:
                found.append(_powers(factor, ours, theirs))
            elif ours:
                left.append(Product(1.0, {place: (factor, ours)}))
            else:
                over.append(Product(1.0, {place: (factor, theirs)}))
        found.extend(self._paired(left, over))
        if right.number != claimed.number:
            found.extend(_numbers(right, claimed, alone=alone))
        return tuple(found)

    def _paired(self, left: list[Product], over: list[Product]) -> list[Difference]:
        """Factors that only one side has, those that resemble one another together."""
        pairs: list[tuple[float, int, int, Differences]] = []
        for i, ours in enumerate(left):
            for j, theirs in enumerate(over):
                together = self._pair(ours, theirs)
                if together is not None:
                    apart = self._left_out(ours).cost + _too_much(theirs).cost
                    pairs.append((cost(together) - apart, i, j, together))
        pairs.sort(key=lambda pair: pair[:3])
        found: list[Difference] = []
        ours, theirs = dict(enumerate(left)), dict(enumerate(over))
        for saved, i, j, together in pairs:
            if saved < 0 and i in ours and j in theirs:
                found.extend(together)
                del ours[i], theirs[j]
        found.extend(self._left_out(one) for one in ours.values())
        found.extend(_too_much(one) for one in theirs.values())
        return found

    def _pair(self, ours: Product, theirs: Product) -> Differences | None:
        ((right, power),) = ours.powers.values()
        ((claimed, other),) = theirs.powers.values()
        if (power > 0) != (other > 0):
            return None
        if power != other:
            return (_divisor(theirs, ours),) if power < 0 else (_stands(theirs.node, ours.node),)
        if isinstance(right, Count) and isinstance(claimed, Count):
            return (_divisor(theirs, ours),) if power < 0 else (_stands(claimed, right),)
        if isinstance(right, Count) or isinstance(claimed, Count):
            return None
        inside = self._nodes(right, claimed)
        if inside is not None:
            return inside
        return (_divisor(theirs, ours),) if power < 0 else (_stands(theirs.node, ours.node),)

    def _nodes(self, right: Node, claimed: Node) -> Differences | None:
        """Two factors of the same kind by what is inside of them; None where it is best to say that one stands where
        the other belongs.
        """
        pair = (right, claimed)
        if pair not in self._known:
            self._known[pair] = self._inside(right, claimed)
        return self._known[pair]

    def _inside(self, right: Node, claimed: Node) -> Differences | None:
        found: Differences | None = None
        match right, claimed:
            case Reduction(kind=a, indices=p), Reduction(kind=b, indices=q) if a == b and len(p) == len(q):
                found = min((self.sums(*bodies) for bodies in _lettered(right, claimed)), key=cost)
                found = tuple(replace(d, words=f"{d.words}, in {text(claimed)}") for d in found)
            case Function(name=a, arguments=p), Function(name=b, arguments=q) if a == b and len(p) == len(q):
                inside = [self.sums(x, y) for x, y in zip(p, q, strict=True)]
                found = tuple(d for part in inside for d in part)
            case Binary(), Binary() if is_sum(right) and is_sum(claimed):
                found = self.sums(right, claimed)
            case Indicator(comparison=a, left=p, right=q), Indicator(comparison=b, left=r, right=s) if (
                p == r and q == s
            ):
                return (Difference(f"{b} stands where {a} belongs, in {text(claimed)}", right, claimed),)
            case _ if is_sum(right) or is_sum(claimed):
                found = self.sums(right, claimed)
                one_missing = all(d.claimed is None or d.right is None for d in found)
                return found if one_missing and len(found) < max(len(terms(right)), len(terms(claimed))) else None
            case _:
                return None
        whole = _stands(claimed, right)
        return found if cost(found) <= whole.cost else None

    def _left_out(self, one: Product) -> Difference:
        ((factor, power),) = one.powers.values()
        if isinstance(factor, Count) and power < 0:
            words = f"not divided by {text(factor)}: a sum where the mean over {factor.index} belongs"
            return Difference(words, one.node)
        if power < 0:
            return Difference(f"the division by {_below(one)} is left out", one.node)
        if isinstance(factor, (Element, Symbol)) and factor.name == self.back:
            return Difference(f"the factor {text(one.node)}, what comes back, is left out", one.node)
        return Difference(f"the factor {text(one.node)} is left out", one.node)


def _opened(whole: Product, beside: Product) -> list[tuple[Product, str, Reduction]]:
    """The product without each of its sums in turn, what they sum over being an index of another one or free; with what
    is summed over, and the sum in those letters.
    """
    found: list[tuple[Product, str, Reduction]] = []
    elements = [n for node in (beside.node, whole.node) for n in walk(node) if isinstance(n, Element)]
    letters = {i.name for e in elements for i in e.indices if isinstance(i, Symbol)} - {ELLIPSIS}
    for place, (factor, exponent) in whole.powers.items():
        if not (isinstance(factor, Reduction) and factor.kind == "sum" and exponent == 1):
            continue
        rest = Product(whole.number, {k: v for k, v in whole.powers.items() if k != place})
        over = ", ".join(factor.indices)
        found.append((rest * product(factor.body), over, factor))
        if len(factor.indices) == 1:
            (own,) = factor.indices
            for letter in sorted(letters - {own}):
                one = Reduction("sum", factor.indices, renamed_letters(factor.body, {own: letter}))
                found.append((rest * product(one.body), over, one))
    return found


def _once(found: Sequence[Difference]) -> Differences:
    """What is said several times once."""
    return tuple({one.words: one for one in found}.values())


def _lettered(right: Reduction, claimed: Reduction) -> list[tuple[Node, Node]]:
    """The bodies of two sums, what they sum over having the same letters, in every order."""
    taken = names_in(right) | names_in(claimed)
    own = fresh(right, names_in(claimed) - set(claimed.indices))
    bodies: list[tuple[Node, Node]] = []
    for order in list(permutations(own.indices))[:6]:
        pairs = dict(zip(claimed.indices, order, strict=True))
        body = claimed.body
        for letter in order:  # a letter that stands for something else there
            if letter in names_in(body) and letter not in pairs:
                body = renamed_letters(body, {letter: new_letter(taken)})
        bodies.append((own.body, renamed_letters(body, pairs)))
    return bodies


# -- the words -----------------------------------------------------------------------------------------------------


def _stands(claimed: Node, right: Node) -> Difference:
    return Difference(f"{text(claimed)} stands where {text(right)} belongs", right, claimed)


def _missing(term: Product) -> Difference:
    return Difference(f"the term {text(term.node)} is missing", term.node)


def _surplus(term: Product) -> Difference:
    return Difference(f"the term {text(term.node)} is too much", None, term.node)


def _below(one: Product) -> str:
    return text(one.to(-1.0).node)


def _divisor(theirs: Product, ours: Product) -> Difference:
    return Difference(f"divided by {_below(theirs)} where {_below(ours)} belongs", ours.node, theirs.node)


def _too_much(one: Product) -> Difference:
    ((factor, power),) = one.powers.values()
    if isinstance(factor, Count) and power < 0:
        words = f"divided by {text(factor)}: a mean over {factor.index} where the sum belongs"
        return Difference(words, None, one.node)
    if power < 0:
        return Difference(f"divided by {_below(one)}, which does not belong there", None, one.node)
    return Difference(f"the factor {text(one.node)} does not belong there", None, one.node)


def _powers(factor: Node, right: float, claimed: float) -> Difference:
    ours, theirs = (Product(1.0, {key(factor): (factor, e)}) for e in (right, claimed))
    if right == -claimed:
        words = f"divided by {text(factor)} where the factor belongs"
        if claimed > 0:
            words = f"multiplied by {text(factor)}, by which it is divided"
        return Difference(words, ours.node, theirs.node)
    if claimed == 2 * right:
        words = "the factor" if right > 0 else "the division by"
        one = theirs.to(0.5).node if right > 0 else ours.to(-1.0).node
        return Difference(f"{words} {text(one)} stands twice", ours.node, theirs.node, brief=True)
    if right < 0 and claimed < 0:
        return replace(_divisor(theirs, ours), brief=True)
    return replace(_stands(theirs.node, ours.node), brief=True)


def _numbers(right: Product, claimed: Product, *, alone: bool) -> list[Difference]:
    """What the numbers in front say."""
    ratio = claimed.number / right.number
    term = Product(abs(right.number), right.powers).node
    of = "" if alone else f" of the term {text(term)}"
    found: list[Difference] = []
    if ratio < 0:
        found.append(Difference(f"the sign{of} is turned"))
    if abs(ratio) != 1:
        ours, theirs = Number(abs(right.number)), Number(abs(claimed.number))
        if abs(right.number) == 1:
            words = f"{_times(abs(claimed.number))}{of} does not belong there"
        elif abs(claimed.number) == 1:
            words = f"{_times(abs(right.number))}{of} is left out"
        else:
            words = f"the number{of} is {text(theirs)} where {text(ours)} belongs"
        found.append(Difference(words, ours, theirs))
    return found


def _times(number: float) -> str:
    inverse = 1 / number
    if number < 1 and abs(inverse - round(inverse)) < 1e-12:
        return f"the division by {round(inverse)}"
    return f"the factor {number:g}"
