"""The parser: the text of an index formula becomes its tree."""

from __future__ import annotations

import re

from ..base.errors import FormulaError
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
    r"\s*(?:(?P<number>\d+\.?\d*(?:e-?\d+)?)"
    r"|(?P<reduce>(?:sum|mean|max|argmax)_(?=\{|\.\.\.|[a-z]\b))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<op>\.\.\.|\+=|<=|>=|[-+*/^=<>()\[\]{},|#]))"
)


class Parser:
    """Recursive descent over the grammar that `chalkgrad.formula` describes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        place = 0
        while place < len(text.rstrip()):
            match = _TOKEN.match(text, place)
            if match is None:
                raise FormulaError(f"cannot read {text[place:]!r} in the formula {text!r}")
            kind = match.lastgroup or ""
            self.tokens.append((kind, match.group(kind)))
            place = match.end()
        self.tokens.append(("end", ""))
        self.at = 0

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
            raise FormulaError(f"expected {op!r} before {self.peek()!r} in the formula {self.text!r}")

    def formula(self) -> tuple[Node, str, Node, dict[str, Node]]:
        left = self.atom()
        sign = self.accept("=", "+=")
        if sign is None or not isinstance(left, (Element, Symbol)):
            raise FormulaError(f"a formula is 'element = expression', not {self.text!r}")
        right = self.sum()
        bounds: dict[str, Node] = {}
        if self.accept("for"):
            while True:
                index = self.next()
                self.expect("<")
                bounds[index] = self.sum()
                if self.accept(",") is None:
                    break
        if self.kind() != "end":
            raise FormulaError(f"{self.peek()!r} is left over in the formula {self.text!r}")
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
                indices = [self.next()]
                while self.accept(","):
                    indices.append(self.next())
                self.expect("}")
            else:
                indices = [self.next()]
            return Reduction(name, tuple(indices), self.term())
        if kind == "name":
            name = self.next()
            if self.accept("["):
                return Element(name, self.list("]"))
            if name in FUNCTIONS and self.accept("("):
                return Function(name, self.list(")"))
            return Symbol(name)
        if self.accept("("):
            inner = self.sum()
            self.expect(")")
            return inner
        if self.accept("["):
            left = self.sum()
            comparison = self.accept(*COMPARISONS)
            if comparison is None:
                raise FormulaError(f"an indicator needs a comparison in the formula {self.text!r}")
            right = self.sum()
            self.expect("]")
            return Indicator(comparison, left, right)
        if self.accept("|"):
            index = self.next()
            self.expect("|")
            return Count(index)
        if self.accept("#"):
            self.expect(ELLIPSIS)
            return Position()
        if self.accept(ELLIPSIS):
            return Symbol(ELLIPSIS)
        raise FormulaError(f"cannot read {self.peek()!r} in the formula {self.text!r}")

    def list(self, closing: str) -> tuple[Node, ...]:
        items = [self.sum()]
        while self.accept(","):
            items.append(self.sum())
        self.expect(closing)
        return tuple(items)
