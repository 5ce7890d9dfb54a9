"""Constant folding: how many axes an expression has, and whether it is a certain number, before it runs.

A rule is written for every library, every number of axes and every setting; a script is for one. Each function
here makes an expression shorter without changing one bit of what it computes.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

Shapes = Mapping[str, tuple[int | None, ...]]
"""The shapes of the arrays by their names in the script; None for the number of samples."""

_ELEMENTWISE = {"sqrt", "exp", "expm1", "log", "tanh", "sin", "abs", "sign", "maximum", "minimum", "where", "clip"}
_REDUCING = {"sum", "mean", "max"}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
    ast.FloorDiv: lambda a, b: a // b,
}
_WHOLE = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv)


def constant(value: Any) -> ast.expr:
    """A number, a text or a tuple of them as an expression."""
    if isinstance(value, tuple):
        return ast.Tuple([constant(v) for v in value], ast.Load())  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


def number_of(node: ast.expr) -> int | float | None:
    """The number that an expression of numbers alone stands for; None for any other."""
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = number_of(operand)
            return None if value is None else -value
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            a, b = number_of(left), number_of(right)
            if a is None or b is None:
                return None
            try:
                return _ARITHMETIC[type(op)](a, b)
            except (ArithmeticError, ValueError):
                return None
        case _:
            return None


def axes_of(node: ast.expr, shapes: Shapes) -> int | None:
    """How many axes an expression's value has (0 for a number); None where it is not known."""
    match node:
        case ast.Constant(value=int() | float()):
            return 0
        case ast.Name(id=name):
            return len(shapes[name]) if name in shapes else None
        case ast.Attribute(value=value, attr="T"):
            return axes_of(value, shapes)
        case ast.UnaryOp(operand=operand):
            return axes_of(operand, shapes)
        case ast.BinOp(left=left, right=right):
            axes = axes_of(left, shapes), axes_of(right, shapes)
            if isinstance(node.op, ast.MatMult):
                return 2 if axes == (2, 2) else None
            return _most(*axes)
        case ast.Compare(left=left, comparators=others):
            return _most(*[axes_of(v, shapes) for v in (left, *others)])
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr=name), args=args):
            if name in _ELEMENTWISE:
                return _most(*[axes_of(a, shapes) for a in args])
            if name in _REDUCING and len(args) == 1:
                return _reduced(axes_of(args[0], shapes), node.keywords)
            return None
        case _:
            return None


def _most(*axes: int | None) -> int | None:
    numbers = [a for a in axes if a is not None]
    return max(numbers) if numbers and len(numbers) == len(axes) else None


def _reduced(axes: int | None, keywords: list[ast.keyword]) -> int | None:
    arguments = {k.arg: k.value for k in keywords}
    if not arguments:
        return 0
    if axes is None or set(arguments) != {"axis"}:
        return None
    return axes - (len(arguments["axis"].elts) if isinstance(arguments["axis"], ast.Tuple) else 1)


def fold_operation(node: ast.BinOp, shapes: Shapes) -> ast.expr:
    """`1 * a` as a, `a + 0 * b` as a, whole numbers and tuples put together; the order of operations stays."""
    left, op, right = node.left, node.op, node.right
    a, b = number_of(left), number_of(right)
    if isinstance(left, ast.Tuple) and isinstance(right, ast.Tuple) and isinstance(op, ast.Add):
        return ast.Tuple([*left.elts, *right.elts], ast.Load())
    if isinstance(left, ast.Tuple) and isinstance(b, int) and isinstance(op, ast.Mult):
        return ast.Tuple(left.elts * b, ast.Load())
    if isinstance(a, int) and isinstance(b, int):
        return constant(_ARITHMETIC[type(op)](a, b)) if isinstance(op, _WHOLE) else node
    if isinstance(op, ast.Mult):
        if a == 1 and not isinstance(right, ast.Compare):
            return right
        if b == 1 and not isinstance(left, ast.Compare):
            return left
        if a == -1 and b is None:
            return ast.UnaryOp(ast.USub(), right)
    if isinstance(op, (ast.Add, ast.Sub)) and (a is None or b is None):
        if _vanishes(right) and _within(right, left, shapes):
            return left
        if _vanishes(left) and _within(left, right, shapes):
            return right if isinstance(op, ast.Add) else ast.UnaryOp(ast.USub(), right)
    return node


def _vanishes(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and number_of(node) is None:
        return _vanishes(node.left) or _vanishes(node.right)
    return number_of(node) == 0


def _within(small: ast.expr, large: ast.expr, shapes: Shapes) -> bool:
    """Whether `small` lends the sum no axis that `large` has not."""
    inner, outer = axes_of(small, shapes), axes_of(large, shapes)
    return inner == 0 or (inner is not None and outer is not None and inner <= outer)


def fold_subscript(node: ast.Subscript, shapes: Shapes) -> ast.expr:
    """`a.shape[1]` and `a.shape[1:]` as numbers, where they are not the number of samples."""
    match node:
        case ast.Subscript(value=ast.Attribute(value=ast.Name(id=name), attr="shape"), slice=place) if name in shapes:
            shape = shapes[name]
            if isinstance(place, ast.Slice):
                if place.upper is None and place.step is None and isinstance(place.lower, ast.Constant):
                    sizes = shape[int(str(place.lower.value)) :]
                    return node if None in sizes else constant(sizes)
                return node
            at = number_of(place)
            if isinstance(at, int) and -len(shape) <= at < len(shape) and shape[at] is not None:
                return constant(shape[at])
            return node
        case _:
            return node


def fold_call(node: ast.Call, shapes: Shapes) -> ast.expr:
    """Calls whose result is known: `tuple(range(1, 3))`, `max(4, 1)`, `a.reshape((-1,))` of a row, ..."""
    match node:
        case ast.Call(func=ast.Name(id="tuple"), args=[ast.Call() as inner], keywords=[]):
            places = range_of(inner)
            return node if places is None else constant(tuple(places))
        case ast.Call(func=ast.Name(id="max" | "min" as name), args=args, keywords=[]):
            numbers = [v for v in map(number_of, args) if v is not None]
            if len(numbers) == len(args) > 1:
                return constant(max(numbers) if name == "max" else min(numbers))
        case ast.Call(func=ast.Name(id="hasattr"), args=[_, ast.Constant(value="at")]):
            return ast.Constant(False)  # NumPy arrays can be changed in place
        case ast.Call(func=ast.Attribute(value=ast.Name(id="math"), attr="prod"), args=[inner], keywords=[]):
            if isinstance(inner, ast.Tuple):
                sizes = [v for v in map(number_of, inner.elts) if isinstance(v, int)]
                return constant(math.prod(sizes)) if len(sizes) == len(inner.elts) else node
            if isinstance(inner, ast.Attribute) and inner.attr == "shape":
                return ast.Attribute(inner.value, "size", ast.Load())
        case ast.Call(
            func=ast.Attribute(attr="reshape") as function,
            args=[ast.Tuple(elts=[ast.Starred(value=ast.Subscript() as start), *others])],
            keywords=[],
        ):
            known = _first_sizes(start, shapes)
            if known is not None and all(isinstance(number_of(o), int) for o in others):
                return ast.Call(function, [ast.Tuple([constant(-1), *map(constant, known), *others], ast.Load())], [])
        case ast.Call(func=ast.Attribute(value=value, attr="reshape"), args=[ast.Tuple(elts=[only])], keywords=[]):
            if axes_of(value, shapes) == 1 and number_of(only) == -1:
                return value
        case _:
            pass
    return node


def _first_sizes(node: ast.Subscript, shapes: Shapes) -> tuple[int, ...] | None:
    """Of `a.shape[:3]` the sizes behind the number of samples; None for anything else."""
    match node:
        case ast.Subscript(
            value=ast.Attribute(value=ast.Name(id=name), attr="shape"),
            slice=ast.Slice(lower=None, upper=end, step=None),
        ) if name in shapes and end is not None:
            first, *others = shapes[name][: int(number_of(end) or 0)] or (1,)
            sizes = [size for size in others if size is not None]
            return tuple(sizes) if first is None and len(sizes) == len(others) else None
        case _:
            return None


def range_of(node: ast.expr) -> range | None:
    """The range that `range(1, 3)` with numbers stands for; None for anything else."""
    match node:
        case ast.Call(func=ast.Name(id="range"), args=args, keywords=[]):
            numbers = [v for v in map(number_of, args) if isinstance(v, int)]
            if len(numbers) == len(args) and 1 <= len(args) <= 3:
                return range(*numbers)
            return None
        case _:
            return None


def truth_of(node: ast.expr) -> bool | None:
    """Whether a test is true; None where only running will tell."""
    value = number_of(node)
    if value is not None:
        return bool(value)
    match node:
        case ast.Constant(value=known):
            return bool(known)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = truth_of(operand)
            return None if inner is None else not inner
        case ast.BoolOp(op=op, values=values):
            known = [truth_of(v) for v in values]
            decisive = isinstance(op, ast.Or)
            if decisive in known:
                return decisive
            return None if None in known else not decisive
        case _:
            return None


def fold_comparison(node: ast.Compare, arrays: Callable[[str], bool]) -> ast.expr:
    """`b is None`, `np is np`, `"in" == "mean"` as True or False, where that is known."""
    if len(node.ops) != 1:
        return node
    left, op, right = node.left, node.ops[0], node.comparators[0]
    if isinstance(op, (ast.Is, ast.IsNot)):
        equal: bool | None = None
        match left, right:
            case ast.Name(id=a), ast.Name(id=b) if a == b:
                equal = True
            case ast.Constant(value=None), ast.Constant(value=None):
                equal = True
            case ast.Name(id=a), ast.Constant(value=None) if arrays(a):
                equal = False
            case _:
                pass
        return node if equal is None else ast.Constant(equal is isinstance(op, ast.Is))
    if isinstance(op, (ast.Eq, ast.NotEq)) and isinstance(left, ast.Constant) and isinstance(right, ast.Constant):
        return ast.Constant((left.value == right.value) is isinstance(op, ast.Eq))
    return node
