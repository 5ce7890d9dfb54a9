"""The parser: the text of an index formula becomes its tree."""

from __future__ import annotations

import re

from ..base.errors import FormulaError, nearest
from .nodes import (
    COMPARISONS,
    ELLIPSIS,
    FUNCTIONS,
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

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:e[-+]?\d+)?)"
    r"|(?P<reduce>(?:sum|mean|max|argmax)_(?=\{|\.\.\.|[a-z]\b))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<op>\.\.\.|\+=|<=|>=|[-+*/^=<>()\[\]{},|#]))"
)

UNREAD = {
    "@": "a product of matrices is a sum of products, sum_i x[n,i] * W[i,o]",
    "\u00d7": "a product is written with *",
    "·": "a product is written with *",
    "⊙": "a product is written with *",
    "\u2212": "a minus is written -",
    "²": "a power is written ^, as in x[n]^2",
    "Σ": "a sum is written sum_i",
    "∑": "a sum is written sum_i",
    ":": "write =",
    ".": "a function stands without its module, tanh(z[n])",
}
"""The cures for signs that no formula has."""
ELSEWHERE = {
    "ln": "it is called log",
    "mean": "a mean names its index, mean_n l[n]",
    "pow": "a power is written ^, as in x[n]^2",
    "relu": "write max(z[n], 0)",
    "sigmoid": "write 1 / (1 + exp(-z[n]))",
    "square": "a power is written ^, as in x[n]^2",
    "sum": "a sum names its index, sum_i x[n,i]",
}
"""Functions of other libraries, and what they are in a formula."""


class Parser:
    """Recursive descent over the grammar that `chalkgrad.formula` describes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str, int]] = []  # kind, text, place
        place = 0
        while place < len(text.rstrip()):
            match = _TOKEN.match(text, place)
            if match is None:
                begin = len(text) - len(text[place:].lstrip())
                cure = next((f"; {c}" for sign, c in UNREAD.items() if text[begin:].startswith(sign)), "")
                raise FormulaError(f"cannot read {text[begin:]!r} at column {begin + 1} of the formula {text!r}{cure}")
            kind = match.lastgroup or ""
            self.tokens.append((kind, match.group(kind), match.start(kind)))
            place = match.end()
        self.tokens.append(("end", "", place))
        self.at = 0

    def error(self, problem: str) -> FormulaError:
        """What is wrong at the next token, with its column counted from 1."""
        found = "its end" if self.kind() == "end" else repr(self.peek())
        column = self.tokens[self.at][2] + 1
        return FormulaError(f"{problem} {found} at column {column} of the formula {self.text!r}{self.cure()}")

    def cure(self) -> str:
        """What to write instead at the next token, where the fault is a common one, as the end of a message."""
        before = self.tokens[self.at - 1][1] if self.at else ""
        found = self.peek()
        if before == found == "*":
            return "; a power is written ^"
        if before == found == "=":
            return "; one = is enough"
        if found == "," and before.isdigit():
            return "; a number has a decimal point, not a comma"
        if self.kind() in ("number", "name", "reduce") or found in ("(", "["):
            return "; a product is written with *" if before and before not in "+-*/^=<>([{,|#" else ""
        return ""

    def peek(self) -> str:
        return self.tokens[self.at][1]

    def kind(self) -> str:
        return self.tokens[self.at][0]

    def next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1][1]

    def accept(self, *ops: str) -> str | None:
        if self.kind() in ("op", "name") and self.peek() in ops:
            return self.next()
        return None

    def expect(self, op: str) -> None:
        if self.accept(op) is None:
            raise self.error(f"expected {op!r} before")

    def formula(self) -> tuple[Node, str, Node, dict[str, Node]]:
        if self.kind() == "end":
            raise FormulaError("the formula is empty; a formula is 'element = expression', a[n] = tanh(z[n])")
        left = self.atom()
        if not isinstance(left, (Element, Symbol)):
            raise FormulaError(f"a formula is 'element = expression', not {self.text!r}")
        sign = self.accept("=", "+=")
        if sign is None:
            raise self.error("a formula is 'element = expression': expected '=' before")
        right = self.sum()
        bounds: dict[str, Node] = {}
        if self.accept("for"):
            while True:
                index = self.letter()
                self.expect("<")
                bounds[index] = self.sum()
                if self.accept(",") is None:
                    break
        if self.kind() != "end":
            raise self.error("the formula is complete before")
        return left, sign, right, bounds

    def sum(self) -> Node:
        left = self.term()
        while op := self.accept("+", "-"):
            left = Binary(op, left, self.term())
        return left

    def term(self) -> Node:
        left = self.unary()
        while op := self.accept("*", "/"):
            left = Binary(op, left, self.unary())
        return left

    def unary(self) -> Node:
        if self.accept("-"):
            return Negative(self.unary())
        base = self.atom()
        if self.accept("^"):
            return Binary("^", base, self.unary())
        return base

    def atom(self) -> Node:
        kind = self.kind()
        if kind == "number":
            return Number(float(self.next()))
        if kind == "reduce":
            name = self.next()[:-1]
            if self.accept("{"):
                indices = [self.letter()]
                while self.accept(","):
                    indices.append(self.letter())
                self.expect("}")
            else:
                indices = [self.letter()]
            return Reduction(name, tuple(indices), self.term())
        if kind == "name":
            name = self.next()
            if self.accept("["):
                return Element(name, self.list("]"))
            if name in FUNCTIONS and self.accept("("):
                return Function(name, self.list(")"))
            if self.peek() == "(":
                known = ELSEWHERE.get(name) or nearest(name, FUNCTIONS)
                known += "; an array has square brackets, a[n]" if known.startswith("known") else ""
                raise FormulaError(
                    f"there is no function {name!r} in formulas, at column {self.tokens[self.at - 1][2] + 1} of "
                    f"{self.text!r}; {known}"
                )
            return Symbol(name)
        if self.accept("("):
            inner = self.sum()
            self.expect(")")
            return inner
        if self.accept("["):
            left = self.sum()
            comparison = self.accept(*COMPARISONS)
            if comparison is None:
                raise self.error("an indicator needs a comparison before")
            right = self.sum()
            self.expect("]")
            return Indicator(comparison, left, right)
        if self.accept("|"):
            index = self.letter()
            self.expect("|")
            return Count(index)
        if self.accept("#"):
            self.expect(ELLIPSIS)
            return Position()
        if self.accept(ELLIPSIS):
            return Symbol(ELLIPSIS)
        raise self.error("a number, a name or a bracket must stand in place of")

    def letter(self) -> str:
        """An index, or `...`."""
        if self.kind() != "name" and self.peek() != ELLIPSIS:
            raise self.error("an index must stand in place of")
        return self.next()

    def list(self, closing: str) -> tuple[Node, ...]:
        items = [self.sum()]
        while self.accept(","):
            items.append(self.sum())
        self.expect(closing)
        return tuple(items)
