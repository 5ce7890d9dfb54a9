"""The shortest form of what came out: common factors in front, and values that are there already used again.

    exp(-z) / (1 + exp(-z))^2      with a = 1 / (1 + exp(-z))      is      a * (1 - a)

Forms are tried that are equal by algebra: terms multiplied out, factors pulled out, a forward value put in the place of
what it is the value of, a function inside it expressed by it. The form with the fewest parts is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product as combinations

from ..formula.formula import Formula
from ..formula.nodes import Binary, Count, Element, Function, Negative, Node, Number, Reduction, Symbol, children, walk
from ..formula.rewrite import rebuilt, renamed_letters, rewritten
from ..formula.text import text
from .terms import ONE, Key, Product, fresh, is_sum, key, names_in, product, terms, tidied, tree_of


@dataclass(frozen=True)
class Known:
    """A value that may be used again.

    Attributes:
        left: the value at its indices, or a number.
        right: what it is the value of.
        words: what is said where it is used.
    """

    left: Node
    right: Node
    words: str

    @cached_property
    def names(self) -> frozenset[str]:
        """The values that stand in it."""
        return _names(self.right)

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """The indices that may be any other ones."""
        inside = walk(self.left) if isinstance(self.left, Element) else walk(self.right)
        bound = {i for n in walk(self.right) if isinstance(n, Reduction) for i in n.indices}
        names = {i.name for n in inside if isinstance(n, Element) for i in n.indices if isinstance(i, Symbol)}
        return tuple(sorted(n for n in names - bound if n.isalpha()))


def _names(node: Node) -> frozenset[str]:
    return frozenset(n.name for n in walk(node) if isinstance(n, Element))


def known_from(lines: Sequence[Formula]) -> list[Known]:
    """The values of forward lines, and what follows from sums and means.

    sum_k a[n,k] is 1 for a[n,k] = e[n,k] / s[n] and s[n] = sum_k e[n,k]; sum_n (x[n,c] - mu[c]) is 0 for mu[c] = mean_n
    x[n,c].
    """
    found = [Known(line.left, line.right, f"{text(line.left)} = {text(line.right)}") for line in lines]
    for line in lines:
        if isinstance(line.right, Reduction) and line.right.kind == "mean":
            away = Reduction("sum", line.right.indices, Binary("-", line.right.body, line.left))
            found.append(Known(Number(0.0), away, f"{text(away)} = 0"))
    for total in lines:
        whole = product(total.right)
        if len(whole.powers) != 1 or whole.number != 1 or not isinstance(total.left, Element):
            continue
        ((sum_, exponent),) = whole.powers.values()
        if not (isinstance(sum_, Reduction) and sum_.kind == "sum" and exponent == 1):
            continue
        for part in lines:
            share = product(sum_.body) * product(total.left).to(-1.0)
            if product(part.right).key == share.key and product(part.right).number == share.number:
                adds = Reduction("sum", sum_.indices, part.left)
                found.append(Known(Number(1.0), adds, f"{text(adds)} = 1"))
    return found


@dataclass(frozen=True, slots=True)
class Form:
    """A form of an expression, and how it came about.

    Attributes:
        node: the expression.
        name: the move that gave it, "" for like terms added and factors cancelled.
    """

    node: Node
    name: str


def simplest(node: Node, known: Sequence[Known] = ()) -> list[Form]:
    """The forms from the first one to the shortest, each with the move that gave it.

    None of them divides by what the first one does not divide by: that might be 0.

    Args:
        node: the expression.
        known: the values that may be used again.
    """
    forms = [Form(tidied(node), "")]
    allowed = _divisors(forms[0].node)
    for value in known:  # what is divided by may be a known value
        allowed |= _divisors(folded(forms[0].node, value))
    while True:
        now = forms[-1]
        length = size(now.node)
        better = [f for f in _forms(now.node, known) if size(f.node) < length and _divisors(f.node) <= allowed]
        if not better:
            return forms
        forms.append(min(better, key=lambda f: size(f.node)))


def _divisors(node: Node) -> set[Key]:
    """What an expression divides by, in any of its parts."""
    found: set[Key] = set()
    for inner in walk(node):
        match inner:
            case Binary(operator="/", right=right):
                found.update(k for k, (f, _) in product(right).powers.items() if not _positive(f))
            case Binary(operator="^", left=left, right=Number(value=value)) if value < 0:
                found.update(product(left).powers)
            case _:
                pass
    return found


def size(node: Node) -> tuple[float, int]:
    """How long an expression is: its parts, those in index places not counted; a sum or a function counts more."""

    def count(inner: Node) -> float:
        match inner:
            case Element() | Symbol() | Count():
                return 1
            case Number(value=value):
                return 0.5 if value == int(value) else 1
            case Reduction(body=body):
                return 2 + count(body)
            case Function(arguments=arguments):
                return 1.5 + sum(map(count, arguments))
            case Negative(body=body):
                return 0.25 + count(body)
            case _:
                return 1 + sum(map(count, children(inner)))

    return count(node), len(repr(node))


def _forms(node: Node, known: Sequence[Known]) -> Iterator[Form]:
    """Other forms of an expression."""
    bases = [(node, ""), (expanded(node), "multiplied out")]
    if (other := _logistic(node)) is not None:
        bases.append((other, "divided by the exponential"))
    names = _names(node)
    known = [value for value in known if value.names <= names]
    for base, how in bases:
        yield Form(tidied(base), how)
        yield from (Form(f, "common factors in front") for f in _fronted(tidied(base)))
        for value in known:
            for other in _with(base, value):
                yield Form(other, value.words)
                for form in (*_fronted(other), *_fronted(expanded(other))):
                    yield Form(form, value.words)


def _fronted(node: Node) -> Iterator[Node]:
    """A sum with common factors in front, and over a common denominator."""
    yield factored(node)
    yield factored(node, denominator=True)


def _positive(node: Node) -> bool:
    """Whether it is above 0 everywhere, as 1 + exp(z) is."""
    entries = terms(node)
    return all(
        e.number > 0 and all(isinstance(f, Function) and f.name == "exp" for f, _ in e.powers.values()) for e in entries
    )


# -- multiplied out, and factors pulled out ------------------------------------------------------------------------


def expanded(node: Node) -> Node:
    """The expression with products of sums multiplied out, and sums of sums taken apart."""
    return tidied(tree_of(_multiplied(node)))


def _multiplied(node: Node) -> list[Product]:
    found: list[Product] = []
    for term in terms(node):
        found.extend(_expanded(term))
    return found


def _expanded(term: Product) -> list[Product]:
    choices: list[list[Product]] = [[Product(term.number, {})]]
    for place, (factor, exponent) in term.powers.items():
        own = Product(1.0, {place: (factor, exponent)})
        if is_sum(factor) and exponent in (1.0, 2.0):
            parts = _multiplied(factor)
            choices.extend([parts] * int(exponent))
        elif isinstance(factor, Reduction) and factor.kind == "sum" and exponent == 1.0:
            inner = _multiplied(factor.body)
            choices.append([product(Reduction("sum", factor.indices, p.node)) for p in inner])
        else:
            choices.append([own])
    if len(choices) == 1:
        return [term]
    results: list[Product] = []
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > 64:
        return [term]
    for combination in combinations(*choices):
        whole = ONE
        for entry in combination:
            whole = whole * entry
        results.append(whole)
    return results


def factored(node: Node, *, denominator: bool = False) -> Node:
    """A sum with the factors that all of its terms have in front of it, and over a common denominator if so wished."""
    entries = terms(node)
    if len(entries) < 2:
        return node if isinstance(node, Element) else rebuilt(node, factored)
    common: dict[Key, tuple[Node, float]] = {}
    for place in {k: None for e in entries for k in e.powers}:
        exponents = [e.powers[place][1] if place in e.powers else 0.0 for e in entries]
        factor = next(e.powers[place][0] for e in entries if place in e.powers)
        everywhere = all(e > 0 for e in exponents) or all(e < 0 for e in exponents)
        exponential = isinstance(factor, Function) and factor.name == "exp"  # exp(-z) exp(z) may be 0 times infinity
        below = min(0.0, *exponents) if denominator and not exponential else 0.0
        least = min(exponents, key=abs) if everywhere else below
        if least:
            common[place] = (factor, least)
    number = 1.0
    sizes = {abs(e.number) for e in entries}
    if len(sizes) == 1:
        (number,) = sizes
    elif all(abs(e.number) < 1 for e in entries):
        number = max(sizes)
    if not common and number == 1.0:
        return node
    outer = Product(number, common)
    inverse = outer.to(-1.0)
    inner = tree_of(e * inverse for e in entries)
    return (outer * product(inner)).node


# -- values used again --------------------------------------------------------------------------------------------


def _with(node: Node, known: Known) -> Iterator[Node]:
    """The expression with a value in the place of what it is the value of, and a function inside of that solved."""
    other = folded(node, known)
    changed = key(other) != key(node)
    if changed:
        yield other
    inverse = _inverse(known)
    if inverse is not None:
        function, value = inverse
        for start in (node, other) if changed else (node,):
            solved = factored(tidied(_put(start, function, value)), denominator=True)
            if key(solved) != key(start) and not any(
                isinstance(n, Function) and n.name == function.name for n in walk(solved)
            ):
                yield solved


def folded(node: Node, known: Known) -> Node:
    """The expression with a value in every place of what it is the value of, multiplied or divided by others too."""
    right = product(known.right)
    if not known.names <= _names(node) or not right.powers or isinstance(known.right, (Element, Symbol)):
        return node

    def change(inner: Node) -> Node:
        if not isinstance(inner, (Binary, Function, Reduction, Negative)):
            return inner
        whole = product(inner)
        for names in _alignments(whole, right, known.letters):
            pattern = product(renamed_letters(known.right, names)) if names else right
            for goal, value in _patterns(pattern, renamed_letters(known.left, names) if names else known.left):
                count = _holds(whole, goal)
                if count:
                    rest = whole * goal.to(-count)
                    return (rest * value.to(count)).node
        return _into_sum(whole, lambda body: folded(body, known)) or inner

    return tidied(rewritten(tidied(node), change))


def _into_sum(whole: Product, change: Callable[[Node], Node]) -> Node | None:
    """A product with what it divides by taken into the sum in it, where the change then makes more of it; or None."""
    for place, (factor, exponent) in whole.powers.items():
        if not (isinstance(factor, Reduction) and factor.kind == "sum" and exponent == 1):
            continue
        divisors = {k: v for k, v in whole.powers.items() if v[1] < 0 and not isinstance(v[0], Count)}
        free = {i for f, _ in whole.powers.values() for i in names_in(f)}
        own = fresh(factor, free - set(factor.indices)) if divisors else factor
        parts = [(d, below, power, taken) for d, (below, power) in divisors.items() for taken in (power, -1.0, -0.5)]
        for divisor, below, power, taken in parts:
            inner = product(own.body) * Product(1.0, {divisor: (below, taken)})
            other = change(inner.node) if taken >= power else inner.node
            if key(other) != key(inner.node) and divisor not in product(other).powers:
                rest = Product(whole.number, {k: v for k, v in whole.powers.items() if k not in (place, divisor)})
                if power < taken:
                    rest = rest * Product(1.0, {divisor: (below, power - taken)})
                return (rest * product(Reduction("sum", own.indices, other))).node
    return None


def _patterns(right: Product, left: Node) -> Iterator[tuple[Product, Product]]:
    """What may stand for the output: the right side as a whole, and the sum in it without its other factors."""
    output = product(left)
    yield right, output
    sums = [(k, f) for k, (f, e) in right.powers.items() if isinstance(f, Reduction) and e == 1]
    if len(sums) == 1 and len(right.powers) > 1:
        ((place, factor),) = sums
        rest = Product(right.number, {k: v for k, v in right.powers.items() if k != place})
        yield Product(1.0, {place: (factor, 1.0)}), output * rest.to(-1.0)


def _holds(whole: Product, goal: Product) -> float:
    """How many times a product holds another one: 2 for a^2 b in a^4 b^2; 0 where it does not."""
    counts: set[float] = set()
    for place, (_, exponent) in goal.powers.items():
        if place not in whole.powers:
            return 0
        ratio = whole.powers[place][1] / exponent
        counts.add(float(int(ratio)))
    count = min(counts, key=abs)
    return count if count and len({c > 0 for c in counts}) == 1 else 0


def _alignments(whole: Product, right: Product, letters: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """Other letters for a value's, with which a part of it may be one of the product's factors; first its own."""
    yield {}
    for factor, _ in right.powers.values():
        for other, _ in whole.powers.values():
            names: dict[str, str] = {}
            if _matches(factor, other, letters, names) and any(a != b for a, b in names.items()):
                yield names


def _matches(pattern: Node, node: Node, letters: Sequence[str], names: dict[str, str]) -> bool:
    """Whether a tree is the pattern with other letters, which are noted."""
    match pattern, node:
        case Symbol(name=a), Symbol(name=b):
            return names.setdefault(a, b) == b if a in letters else a == b
        case Element(name=a, indices=p), Element(name=b, indices=q):
            return (
                a == b and len(p) == len(q) and all(_matches(x, y, letters, names) for x, y in zip(p, q, strict=True))
            )
        case _:
            if type(pattern) is not type(node):
                return False
            p, q = children(pattern), children(node)
            if not p:
                return pattern == node
            return len(p) == len(q) and all(_matches(x, y, letters, names) for x, y in zip(p, q, strict=True))


def _inverse(known: Known) -> tuple[Function, Node] | None:
    """The one function in a value, and what it is by the value: exp(-z) is 1 / a - 1 for a = 1 / (1 + exp(-z))."""
    if not isinstance(known.left, Element):
        return None
    value: Node | None = known.left
    whole = node = tidied(known.right)
    while True:
        match node:
            case Negative(body=body):
                node, value = body, Negative(value)
            case Binary(operator=operator, left=left, right=right):
                first, second = _moving(left), _moving(right)
                if first == second:
                    return None
                value = _undone(operator, value, left, right, first)
                if value is None:
                    return None
                node = left if first else right
            case Function(name="exp" | "tanh" | "erf" | "erfc") if node is not whole:
                return node, value
            case _:
                return None


def _moving(node: Node) -> bool:
    return any(isinstance(n, (Function, Reduction)) for n in walk(node))


def _undone(operator: str, value: Node, left: Node, right: Node, first: bool) -> Node | None:
    other = right if first else left
    match operator:
        case "+":
            return Binary("-", value, other)
        case "-":
            return Binary("+", value, other) if first else Binary("-", other, value)
        case "*":
            return Binary("/", value, other)
        case "/":
            return Binary("*", value, other) if first else Binary("/", other, value)
        case _:
            return None


def _put(node: Node, old: Node, new: Node) -> Node:
    """The expression with another one in every place of a function, whatever sign its exponent has."""
    target = key(old)

    def change(inner: Node) -> Node:
        if key(inner) == target:
            return new
        match inner, old:
            case Function(name="exp", arguments=(a,)), Function(name="exp", arguments=(b,)):
                if key(tidied(Negative(a))) == key(tidied(b)):
                    return factored(tidied(Binary("/", Number(1.0), new)))
            case _:
                pass
        return inner

    return rewritten(node, change)


def _logistic(node: Node) -> Node | None:
    """The expression with 1 / (1 + exp(-u)) for exp(u) / (1 + exp(u)); None where there is none."""
    entries = terms(node)
    changed = [_divided(entry) for entry in entries]
    return None if changed == entries else tree_of(changed)


def _divided(entry: Product) -> Product:
    for place, (factor, exponent) in entry.powers.items():
        if not (isinstance(factor, Function) and factor.name == "exp" and exponent == 1):
            continue
        for other, (below, power) in entry.powers.items():
            if is_sum(below) and power == -1 and _positive(below):
                parts = [t * Product(1.0, {place: (factor, -1.0)}) for t in terms(below)]
                divided = tree_of(sorted(parts, key=lambda t: len(t.powers)))
                rest = Product(entry.number, {k: v for k, v in entry.powers.items() if k not in (place, other)})
                return rest * product(divided).to(-1.0)
    return entry
