"""Local derivatives: how the output of a formula moves with one place of an operand, move by move.

A place is where the operand stands in the formula. Going from the whole right side down to it, each node on the way is
one move and gives one factor; what stands beside the way does not change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..base.errors import FormulaError
from ..formula.formula import Formula
from ..formula.nodes import (
    ELLIPSIS,
    Binary,
    Count,
    Element,
    Function,
    Indicator,
    Negative,
    Node,
    Number,
    Reduction,
    Symbol,
    children,
    walk,
)
from ..formula.rewrite import rebuilt, renamed_letters
from ..formula.text import text
from .terms import fresh, names_in, new_letter

Path = tuple[int, ...]
"""Which child is taken at each node on the way down."""

PI = Number(3.141592653589793)


@dataclass(frozen=True, slots=True)
class Move:
    """One move of a local derivative.

    Attributes:
        name: the rule of calculus.
        factor: the factor in front after it.
        rest: what is still to be derived by the place; the place itself after the last move.
        note: a convention, at a kink.
    """

    name: str
    factor: Node
    rest: Node
    note: str = ""


@dataclass(frozen=True, slots=True)
class Local:
    """How the output moves with one place of an operand.

    Attributes:
        place: the operand as it stands there.
        factor: the local derivative, with the indices of the sums on the way free.
        over: these indices.
        moves: the moves, in order.
        letters: the indices that have another letter than in the formula, with that of the formula.
    """

    place: Element | Symbol
    factor: Node
    over: tuple[str, ...]
    moves: tuple[Move, ...]
    letters: Mapping[str, str]


def places(formula: Formula, operand: str) -> list[Path]:
    """Where the operand stands on the formula's right side, from left to right; not where it only counts or chooses.

    Inside a comparison, a sign or the place of a maximum it passes nothing on: they are flat.
    """
    return list(_places(formula.right, operand))


def _places(node: Node, operand: str) -> Iterator[Path]:
    match node:
        case Element(name=name) | Symbol(name=name):
            if name == operand:
                yield ()
        case Indicator() | Function(name="sign") | Reduction(kind="argmax"):
            return
        case _:
            for at, child in enumerate(children(node)):
                yield from ((at, *path) for path in _places(child, operand))


def local(formula: Formula, operand: str, path: Path) -> Local:
    """The derivative of the formula's output by one place of an operand.

    Raises:
        FormulaError: where there is no rule of calculus for a node on the way.
    """
    free = names_in(formula.left)
    node, factor, over, moves = formula.right, Number(1.0), tuple[str, ...](), list[Move]()
    letters: dict[str, str] = {}
    for at in path:
        if isinstance(node, Reduction):
            other = fresh(node, free)
            letters |= {new: old for new, old in zip(other.indices, node.indices, strict=True) if new != old}
            node = other
            free |= set(node.indices)
            over += node.indices
        gained, name, note = _move(node, at, letters)
        factor = _product(_apart(factor, node, letters), _apart(gained, node, letters))
        node = children(node)[at]
        if name:
            moves.append(Move(name, factor, node, note))
    assert isinstance(node, (Element, Symbol))
    return Local(node, factor, over, tuple(moves), letters)


def _apart(factor: Node, node: Node, letters: dict[str, str]) -> Node:
    """The factor with other letters for its own sums, where an index of that name has become free on the way."""
    if not isinstance(node, Reduction):
        return factor
    clash = {i for n in walk(factor) if isinstance(n, Reduction) for i in n.indices} & set(node.indices)
    clash.discard(ELLIPSIS)
    if not clash:
        return factor
    names = names_in(factor) | names_in(node)
    other = {letter: new_letter(names) for letter in clash}
    letters |= {new: old for old, new in other.items()}

    def change(inner: Node) -> Node:
        if isinstance(inner, Reduction) and set(inner.indices) & clash:
            return renamed_letters(inner, other)
        return rebuilt(inner, change)

    return change(factor)


def _product(left: Node, right: Node) -> Node:
    if left == Number(1.0):
        return right
    return left if right == Number(1.0) else Binary("*", left, right)


def _move(node: Node, at: int, letters: dict[str, str]) -> tuple[Node, str, str]:
    """The factor that a node gives to its child number `at`, the name of the move, and a note."""
    match node:
        case Negative():
            return Number(-1.0), "the minus in front", ""
        case Binary(operator="+") | Binary(operator="-"):
            sign = -1.0 if node.operator == "-" and at == 1 else 1.0
            return Number(sign), "sum: the other terms do not change", ""
        case Binary(operator="*", left=left, right=right):
            return (right if at == 0 else left), "product: the other factor does not change", ""
        case Binary(operator="/", left=left, right=right):
            if at == 0:
                return Binary("/", Number(1.0), right), "quotient: by what is above", ""
            below = Binary("/", left, Binary("^", right, Number(2.0)))
            return Negative(below), "quotient: by what is below", ""
        case Binary(operator="^", left=left, right=right):
            if at == 0:
                less = Number(right.value - 1.0) if isinstance(right, Number) else Binary("-", right, Number(1.0))
                return Binary("*", right, Binary("^", left, less)), "power", ""
            return Binary("*", node, Function("log", (left,))), "power: by the exponent", ""
        case Function(name=name, arguments=arguments):
            return _function(node, name, arguments, at)
        case Reduction(kind="sum", indices=indices):
            return Number(1.0), f"sum over {_listed(indices)}: each term has its own", ""
        case Reduction(kind="mean", indices=indices):
            count: Node = Count(indices[0])
            for index in indices[1:]:
                count = Binary("*", count, Count(index))
            return Binary("/", Number(1.0), count), f"mean over {_listed(indices)}: each value counts alike", ""
        case Reduction(kind="max", indices=indices, body=body):
            place: Node = Symbol(indices[0])
            for index in indices[1:]:
                place = Binary("+", Binary("*", place, Count(index)), Symbol(index))
            own = {i: new_letter(names_in(body) | set(indices)) for i in indices[:1]}
            taken = names_in(body) | set(indices) | set(own.values())
            for index in indices[1:]:
                own[index] = new_letter(taken)
                taken.add(own[index])
            letters |= {new: old for old, new in own.items()}
            winner = Reduction("argmax", tuple(own[i] for i in indices), renamed_letters(body, own))
            note = "of several that are equally large the first one"
            return Indicator("=", winner, place), f"maximum over {_listed(indices)}: the largest passes", note
        case _:
            raise FormulaError(f"there is no derivative through {type(node).__name__}")


def _function(node: Node, name: str, arguments: tuple[Node, ...], at: int) -> tuple[Node, str, str]:
    u = arguments[0]
    two = Number(2.0)
    title = f"chain rule through {name}"
    gauss = Function("exp", (Negative(Binary("^", u, two)),))
    bell = Binary("/", Binary("*", two, gauss), Function("sqrt", (PI,)))
    match name:
        case "exp":
            return node, title, ""
        case "log":
            return Binary("/", Number(1.0), u), title, ""
        case "sqrt":
            return Binary("/", Number(1.0), Binary("*", two, node)), title, ""
        case "tanh":
            return Binary("-", Number(1.0), Binary("^", node, two)), title, ""
        case "sin":
            return Function("cos", (u,)), title, ""
        case "cos":
            return Negative(Function("sin", (u,))), title, ""
        case "erf":
            return bell, title, ""
        case "erfc":
            return Negative(bell), title, ""
        case "abs":
            return Function("sign", (u,)), "the slope of abs is the sign", "0 at the kink"
        case "max" | "min":
            own, other = arguments[at], arguments[1 - at]
            own, other = arguments[at], arguments[1 - at]
            constant = not any(isinstance(n, Element) for n in walk(other))
            sign = (">" if name == "max" else "<") + ("=" if at == 0 and not constant else "")
            note = "where both are equal, " + ("the first one passes" if not constant else "nothing passes")
            which = "larger" if name == "max" else "smaller"
            return Indicator(sign, own, other), f"{name}: passes where it is the {which}", note
        case _:
            raise FormulaError(f"there is no derivative of {name}")


def _listed(indices: tuple[str, ...]) -> str:
    return ", ".join(indices)


def kink_sides(formula: Formula) -> Formula | None:
    """A formula for the sides of its kinks that each element of the output is on: 1 for the first, 2 for the second and
    so on, added up. None where there are none, or they are inside of sums.
    """
    sides: list[Node] = []
    if not _kinks_of(formula.right, sides) or not sides:
        return None
    total: Node = sides[0]
    for number, side in enumerate(sides[1:], 1):
        total = Binary("+", total, Binary("*", Number(float(2**number)), side))
    words = f"{text(formula.left)} = {text(total)}"
    return Formula(words, formula.options)


def _kinks_of(node: Node, sides: list[Node]) -> bool:
    """Collects where a formula changes its course; False where that is inside of a sum."""
    match node:
        case Reduction(body=body):
            inner: list[Node] = []
            return _kinks_of(body, inner) and not inner
        case Function(name="max" | "min", arguments=(left, right)):
            sides.append(Indicator(">", left, right))
        case Function(name="abs" | "sign", arguments=(body,)):
            sides.append(Indicator(">", body, Number(0.0)))
        case Indicator(left=left, right=right):
            sides.append(Indicator(">", left, right))
        case _:
            pass
    if isinstance(node, Element):
        return True
    outside = [_kinks_of(child, sides) for child in children(node)]
    return all(outside)
