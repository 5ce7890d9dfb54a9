"""The common part of the printers of mathematics: the walk over an expression, and where brackets stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..base.address import Address
from ..base.digits import significant
from ..formula.expression import (
    AtTime,
    Deriving,
    Extreme,
    Hadamard,
    MatrixProduct,
    Named,
    Ones,
    Partial,
    Quantity,
    Terms,
    Transposed,
)
from ..formula.nodes import (
    Binary,
    Count,
    Element,
    Function,
    Indicator,
    Negative,
    Node,
    Number,
    Position,
    Reduction,
    Symbol,
)

SUM, PRODUCT, POWER, ATOM = 1, 2, 3, 4
"""The tightness of a piece; one that is looser than its surroundings need gets brackets."""


class Manner(Protocol):
    """The settings of a printer: a `Style`, or a derivation's settings."""

    @property
    def precision(self) -> int: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def derivatives(self) -> Mapping[str, str]: ...
    @property
    def through(self) -> Mapping[str, str]: ...


class MathPrinter:
    """Base of the printers of expressions, which say what a fraction or an index looks like.

    Args:
        style: precision, labels and the names of derivatives.
    """

    times = " * "
    hadamard = " ⊙ "
    fractions_hold = False

    def __init__(self, style: Manner) -> None:
        self.style = style

    def inline(self, node: Node, *, numbers: bool = False) -> str:
        """The expression in one line, in symbols or with its numbers put in."""
        return self.piece(node, numbers)[0]

    def broken(self, node: Node, *, numbers: bool = False) -> list[str]:
        """The expression in pieces, a sum's terms each on its own with its sign, to be set one after another."""
        if isinstance(node, Terms) and len(node.terms) > 1:
            first, *others = self._pieces(node, numbers)
            return [self.joined([first]), *(self.continued(*pair) for pair in others)]
        return [self.inline(node, numbers=numbers)]

    # -- what each printer defines ------------------------------------------------------------------

    def text(self, words: str) -> str:
        """Words within mathematics."""
        raise NotImplementedError

    def digits(self, text: str) -> str:
        """A number's digits."""
        raise NotImplementedError

    def bracketed(self, inner: str) -> str:
        """Round brackets."""
        raise NotImplementedError

    def name(self, name: str, place: Sequence[str]) -> str:
        """A value's name, with indices where it has any."""
        raise NotImplementedError

    def label(self, label: str, mark: str = "") -> str:
        """A document's own name, with a word after it where there is one."""
        raise NotImplementedError

    def derivative(self, of: str, by: str) -> str:
        """A partial derivative, of two printed names."""
        raise NotImplementedError

    def fraction(self, above: str, below: str) -> str:
        """above / below, each with the brackets that it needs."""
        raise NotImplementedError

    def power(self, base: str, exponent: str) -> str:
        """base to the exponent."""
        raise NotImplementedError

    def function(self, name: str, arguments: Sequence[str]) -> str:
        """A function of its arguments."""
        raise NotImplementedError

    def indicator(self, left: str, comparison: str, right: str) -> str:
        """1 where the comparison holds, else 0."""
        raise NotImplementedError

    def reduction(self, kind: str, indices: Sequence[str], body: str) -> str:
        """A sum, mean or maximum over indices."""
        raise NotImplementedError

    def joined(self, pieces: Sequence[tuple[str, str]]) -> str:
        """A sum of signed pieces; the first sign is empty or a minus."""
        raise NotImplementedError

    def continued(self, sign: str, piece: str) -> str:
        """A signed piece that continues a sum."""
        return self.joined([(sign, piece)])

    def multiplied(self, left: str, sign: str, right: str) -> str:
        """A product."""
        return f"{left}{sign}{right}"

    def transposed(self, body: str) -> str:
        """A matrix transposed."""
        raise NotImplementedError

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        """A matrix of numbers."""
        raise NotImplementedError

    # -- the walk --------------------------------------------------------------------------------------------

    def number(self, value: float) -> str:
        """A number in the style's significant digits."""
        return self.digits(significant(value, self.style.precision))

    def address(self, address: Address) -> str:
        """An element's name: its label, or its value's name with indices."""
        label = self.style.labels.get(str(address))
        if label is not None:
            return self.label(label)
        base_label = self.style.labels.get(str(Address(address.name.removesuffix("_new"), address.place)))
        if base_label is not None:
            return self.label(base_label, "new")
        of = self.style.derivatives.get(address.name)
        if of is not None:
            return self.shared(address.name, self.of_loss(address, Address(of, address.place)))
        return self.name(address.name, [str(p) for p in address.place])

    def named(self, text: str) -> str:
        """The printed name of an address, or a local derivative's: "dW1[0, 0]", "∂z1[0, 0]/∂W1[0, 0]"."""
        if text.startswith("∂"):
            of, by = (self.address(Address.parse(part)) for part in text[1:].split("/∂"))
            return self.derivative(of, by)
        return self.address(Address.parse(text))

    def of_loss(self, address: Address, of: Address) -> str:
        """A derivative of the loss."""
        return self.derivative(self.address(Address("L")), self.address(of))

    def shared(self, name: str, derivative: str) -> str:
        """A derivative of the loss, marked where it is only the share that comes back through one value."""
        through = self.style.through.get(name)
        return derivative if through is None else self.through(derivative, self.name(through, ()))

    def through(self, derivative: str, value: str) -> str:
        """The share of a derivative that comes back through a value."""
        raise NotImplementedError

    def of_whole(self, name: str, of: str, place: Sequence[str]) -> str:
        """A derivative of the loss as a whole array, or at indices that are letters."""
        return self.derivative(self.address(Address("L")), self.name(of, place))

    def held(self, node: Node, numbers: bool, least: int, *, first: bool = False) -> str:
        """A piece, in brackets where it is looser than `least`, or is a negative number."""
        piece, tightness = self.piece(node, numbers)
        negative = numbers or isinstance(node, Number)
        if tightness < least or (negative and not first and piece.startswith(self.minus) and tightness == ATOM):
            return self.bracketed(piece)
        return piece

    minus = "-"

    def piece(self, node: Node, numbers: bool) -> tuple[str, int]:
        """The printed node and its tightness."""
        match node:
            case Number(value=value):
                return self.number(value), ATOM
            case Quantity(value=value) | Partial(value=value) if numbers:
                return self.number(value), ATOM
            case Quantity(address=address):
                return self.address(address), ATOM
            case Partial(of=of, by=by):
                return self.derivative(self.address(of), self.address(by)), ATOM
            case Deriving(body=body, by=by):
                return self.derivative(self.held(body, numbers, ATOM), self.held(by, numbers, ATOM)), ATOM
            case Named(rows=((only,),)) if numbers:
                return self.number(only), ATOM
            case Named(rows=rows) if numbers and rows is not None:
                return self.matrix([[significant(v, self.style.precision) for v in row] for row in rows]), ATOM
            case Named(name=name) | Symbol(name=name):
                of = self.style.derivatives.get(name)
                return self.shared(name, self.of_whole(name, of, ())) if of else self.name(name, ()), ATOM
            case AtTime(value=value) if numbers and value.rows is not None:
                return self.piece(value, numbers)
            case AtTime(value=Named(name=name), time=time):
                return self.piece(Element(name, (time,)), numbers)
            case Ones():
                return self.ones(), ATOM
            case Element(name=name, indices=indices):
                places = [self.inline(i) for i in indices]
                of = self.style.derivatives.get(name)
                return self.shared(name, self.of_whole(name, of, places)) if of else self.name(name, places), ATOM
            case Count(index=index):
                samples: float | None = getattr(self.style, "samples", None)
                if numbers and index == "n" and samples is not None:
                    return self.number(samples), ATOM
                return self.count(index), ATOM
            case Position():
                return self.text("#..."), ATOM
            case Terms():
                return self._terms(node, numbers)
            case Extreme(kind=kind, entries=entries, omitted=omitted):
                shown = [self.inline(e, numbers=numbers) for e in entries]
                if omitted:
                    shown.append(self.text(f"... {omitted} more"))
                return self.function(kind, shown), ATOM
            case Negative(body=body):
                return self.joined([("-", self.held(body, numbers, PRODUCT))]), SUM
            case Binary():
                return self._binary(node, numbers)
            case Hadamard(left=left, right=right):
                pair = self.held(left, numbers, PRODUCT), self.hadamard, self.held(right, numbers, POWER)
                return self.multiplied(*pair), PRODUCT
            case MatrixProduct(left=left, right=right):
                pair = self.held(left, numbers, POWER), self.matmul, self.held(right, numbers, POWER)
                return self.multiplied(*pair), PRODUCT
            case Transposed(body=body):
                return self.transposed(self.held(body, numbers, ATOM)), ATOM
            case Function(name=name, arguments=arguments):
                return self.function(name, [self.inline(a, numbers=numbers) for a in arguments]), ATOM
            case Indicator(comparison=comparison, left=left, right=right):
                left, right = self.held(left, numbers, SUM, first=True), self.held(right, numbers, SUM, first=True)
                return self.indicator(left, comparison, right), ATOM
            case Reduction(kind=kind, indices=indices, body=body):
                return self.reduction(kind, indices, self.held(body, numbers, PRODUCT)), PRODUCT
            case _:
                raise TypeError(f"{type(node).__name__} cannot be printed")

    matmul = " @ "

    def ones(self) -> str:
        """A column of ones."""
        return self.name("1", ())

    def count(self, index: str) -> str:
        """The number of values that an index takes."""
        return "N" if index == "n" else f"|{index}|"

    def _pieces(self, node: Terms, numbers: bool) -> list[tuple[str, str]]:
        """A sum's terms with their signs."""
        pieces: list[tuple[str, str]] = []
        for place, term in enumerate(node.terms):
            sign = "+" if place else ""
            if isinstance(term, Negative):
                sign, term = "-", term.body
            pieces.append((sign, self.held(term, numbers, PRODUCT, first=not place)))
        if node.omitted:
            how = "each" if node.zeros else "together"
            more = self.text(f"... {node.omitted} more, {how} ") + self.number(node.rest)
            pieces.append(("+" if pieces else "", more))
        return pieces

    def _terms(self, node: Terms, numbers: bool) -> tuple[str, int]:
        pieces = self._pieces(node, numbers)
        return self.joined(pieces), SUM if len(pieces) > 1 or (pieces and pieces[0][0]) else PRODUCT

    def _binary(self, node: Binary, numbers: bool) -> tuple[str, int]:
        left, right = node.left, node.right
        match node.operator:
            case "+" | "-" as sign:
                pieces = [("", self.held(left, numbers, SUM, first=True))]
                least = SUM if sign == "+" else PRODUCT
                pieces.append((sign, self.held(right, numbers, least)))
                return self.joined(pieces), SUM
            case "*":
                pair = self.held(left, numbers, PRODUCT), self.times, self.held(right, numbers, POWER)
                return self.multiplied(*pair), PRODUCT
            case "/":
                if self.fractions_hold and isinstance(left, Terms) and len(left.terms) > 2:  # so that it can be broken
                    over = self.fraction(self.digits("1"), self.inline(right, numbers=numbers))
                    return self.multiplied(
                        over, self.times, self.bracketed(self.inline(left, numbers=numbers))
                    ), PRODUCT
                if self.fractions_hold:
                    return self.fraction(self.inline(left, numbers=numbers), self.inline(right, numbers=numbers)), POWER
                return self.fraction(self.held(left, numbers, PRODUCT), self.held(right, numbers, POWER)), PRODUCT
            case _:
                base = self.held(left, numbers, ATOM)
                return self.power(base, self.held(right, numbers, ATOM, first=self.fractions_hold)), POWER
