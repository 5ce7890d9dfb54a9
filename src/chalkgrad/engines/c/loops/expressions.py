"""Formula trees printed as C.

A tree without elements and loop indices is the same for the whole step: it is computed once, in double, before the
loops (`Constants`). An indicator that is a factor becomes a choice. Logarithms and exponentials that would overflow
where the whole does not are printed in their stable form: log(1 + exp(a)), exp(a) - 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from ....formula.nodes import Binary, Element, Function, Indicator, Negative, Node, Number, Reduction, Symbol, walk

CALLS = {"exp": "real_exp", "log": "real_log", "tanh": "real_tanh", "erf": "real_erf", "erfc": "real_erfc",
         "sqrt": "real_sqrt", "abs": "real_abs", "sign": "real_sign"}  # fmt: skip
INDICATED = {"<": "<", ">": ">", "<=": "<=", ">=": ">=", "=": "=="}
DOUBLE = {"exp": "exp", "log": "log", "tanh": "tanh", "erf": "erf", "erfc": "erfc", "sqrt": "sqrt", "abs": "fabs"}


def literal(value: float) -> str:
    """A number as a C constant of type double."""
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return repr(float(value))


def whole(value: float) -> bool:
    """Whether a number is a whole one that an int holds."""
    return float(value).is_integer() and abs(value) < 2**31


@dataclass(slots=True)
class Constants:
    """What is computed once in a step, before the loops, each under a name of its own.

    Attributes:
        single: names that stand for one number in the whole step, with their C text.
        lines: the declarations, in order.
    """

    single: dict[str, str]
    lines: list[str] = field(default_factory=list[str])
    known: dict[str, str] = field(default_factory=dict[str, str])

    def same(self, node: Node, indices: Collection[str]) -> bool:
        """Whether the tree is the same for the whole step."""
        return not any(
            isinstance(n, (Element, Reduction)) or (isinstance(n, Symbol) and n.name not in self.single)
            for n in walk(node)
        )

    def name(self, node: Node) -> str:
        """The C text of such a tree: a number, or the name under which it is computed."""
        value = _number(node)
        if value is not None:
            return f"(real){literal(value)}" if value >= 0 else f"(real)({literal(value)})"
        return self.named(self._double(node))

    def named(self, text: str) -> str:
        """The name under which a C expression of type double is computed."""
        if text not in self.known:
            self.known[text] = f"k{len(self.known) + 1}"
            self.lines.append(f"const real {self.known[text]} = (real)({text});")
        return self.known[text]

    def _double(self, node: Node) -> str:
        match node:
            case Number(value=value):
                return literal(value)
            case Symbol(name=name):
                return self.single[name]
            case Negative(body=body):
                return f"-({self._double(body)})"
            case Binary(operator="^", left=left, right=right):
                return f"pow({self._double(left)}, {self._double(right)})"
            case Binary(operator=operator, left=left, right=right):
                return f"({self._double(left)} {operator} {self._double(right)})"
            case Function(name="max", arguments=(left, right)):
                return f"fmax({self._double(left)}, {self._double(right)})"
            case Function(name="min", arguments=(left, right)):
                return f"fmin({self._double(left)}, {self._double(right)})"
            case Function(name=name, arguments=(inner,)) if name in DOUBLE:
                return f"{DOUBLE[name]}({self._double(inner)})"
            case Indicator(comparison=comparison, left=left, right=right):
                return f"(double)({self._double(left)} {INDICATED[comparison]} {self._double(right)})"
            case _:
                raise NotImplementedError(f"no C for {node}")


def _number(node: Node) -> float | None:
    """The tree's value, where it holds nothing but numbers."""
    match node:
        case Number(value=value):
            return value
        case Negative(body=body):
            inner = _number(body)
            return None if inner is None else -inner
        case Binary(operator=operator, left=left, right=right):
            a, b = _number(left), _number(right)
            if a is None or b is None:
                return None
            try:
                return {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else math.nan, "^": a**b}[operator]
            except OverflowError:
                return None
        case Function(name="sqrt", arguments=(inner,)):
            value = _number(inner)
            return None if value is None else math.sqrt(value)
        case _:
            return None


class Printer:
    """Prints the right side of a statement for one setting of its loop indices.

    Args:
        element: gives the C text of an element.
        constants: what is the same for the whole step.
        symbol: gives the C text of a symbol that is neither a number nor the same for the whole step.
        reduction: gives the C text that stands for a reduction.
    """

    def __init__(
        self,
        element: Callable[[Element], str],
        constants: Constants,
        symbol: Callable[[str], str],
        reduction: Callable[[Reduction], str],
    ) -> None:
        self.element = element
        self.constants = constants
        self.symbol = symbol
        self.reduction = reduction

    def text(self, node: Node) -> str:
        """The tree as a C expression of type real."""
        if isinstance(node, Reduction):
            return self.reduction(node)
        if self.constants.same(node, ()):
            return self.constants.name(node)
        match node:
            case Element():
                return self.element(node)
            case Symbol(name=name):
                return self.symbol(name)
            case Negative(body=body):
                return f"-{self.text(body)}" if isinstance(body, (Element, Symbol)) else f"-({self.text(body)})"
            case Binary():
                return self._binary(node)
            case Function(name=name, arguments=(left, right)):
                return self._call(f"real_{name}", left, right)
            case Function(name=name, arguments=(inner,)):
                return self._function(name, inner)
            case Indicator():
                return f"({self.condition(node)} ? (real)1 : (real)0)"
            case _:
                raise NotImplementedError(f"no C for {node}")

    def condition(self, node: Indicator) -> str:
        """An indicator as a C condition."""
        return f"{self._side(node.left)} {INDICATED[node.comparison]} {self._side(node.right)}"

    def _side(self, node: Node) -> str:
        return f"({self.text(node)})" if isinstance(node, (Binary, Negative)) else self.text(node)

    def _call(self, name: str, *arguments: Node) -> str:
        return f"{name}({', '.join(self.text(a) for a in arguments)})"

    def _function(self, name: str, inner: Node) -> str:
        match name, inner:
            case "log", Binary(operator="+", left=Number(value=1.0), right=Function(name="exp", arguments=(a,))):
                return self._call("real_softplus", a)
            case _:
                return self._call(CALLS[name], inner)

    def _binary(self, node: Binary) -> str:
        operator, left, right = node.operator, node.left, node.right
        if operator == "^":
            return self._power(left, right)
        match operator, left, right:
            case "-", Function(name="exp", arguments=(a,)), Number(value=1.0):
                return self._call("real_expm1", a)
            case "*", _, Indicator():
                return f"({self.condition(right)} ? {self.text(left)} : (real)0)"
            case "*", Indicator(), _:
                return f"({self.condition(left)} ? {self.text(right)} : (real)0)"
            case "/", _, _ if self.constants.same(right, ()):
                return f"{self._factor(left)} * {self.constants.name(Binary('/', Number(1.0), right))}"
            case _:
                pass
        if operator in "*/":
            return f"{self._factor(left)} {operator} {self._factor(right, behind=True)}"
        text = self.text(right)
        if isinstance(right, Negative) or (operator == "-" and isinstance(right, Binary) and right.operator in "+-"):
            text = f"({text})"
        return f"{self.text(left)} {operator} {text}"

    def _factor(self, node: Node, behind: bool = False) -> str:
        """An operand of * or /, in brackets where it needs them."""
        text = self.text(node)
        if self.constants.same(node, ()):
            return text
        loose = isinstance(node, Negative) or (
            isinstance(node, Binary) and (node.operator in "+-" or (behind and node.operator != "^"))
        )
        return f"({text})" if loose else text

    def _power(self, base: Node, exponent: Node) -> str:
        value = _number(exponent)
        if value in (2.0, 3.0):
            return self._call("real_square" if value == 2.0 else "real_cube", base)
        if value == 1.5:
            return self._call("real_power_1_5", base)
        return self._call("real_pow", base, exponent)
