"""Mistakes made by another program than the one that looks for them: changes of a written NumPy script's syntax tree.

The script is the one that `Network.source` writes. Each mistake is one change of one line of its forward pass, loss,
backward pass or update: an operand or a function left out, another operator, another array of the same shape, a
transpose gone, a sum for a mean, another number. Nothing here knows chalkgrad's formulas or its mistakes.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import chalkgrad as cg

OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub, ast.Mult), ast.Sub: (ast.Add,), ast.Mult: (ast.Div, ast.Add), ast.Div: (ast.Mult,),
    ast.Pow: (ast.Mult,),
}  # fmt: skip
FUNCTIONS = {"sum": "mean", "mean": "sum", "exp": "tanh", "tanh": "sin", "maximum": "minimum", "minimum": "maximum"}
UNWRAPPED = ("sqrt", "exp", "log", "tanh", "abs", "sign")


@dataclass(frozen=True)
class Mutant:
    """One change: the name that its line gives, the kind of change, and the line before and after it."""

    output: str
    kind: str
    before: str
    after: str
    tree: ast.Module


def training_loop(tree: ast.Module) -> ast.For:
    """The loop over the updates."""
    return next(node for node in tree.body if isinstance(node, ast.For))


def mutants(source: str, shapes: dict[str, tuple[int, ...]]) -> Iterator[Mutant]:
    """Every change of one line of the pass.

    Args:
        source: the script.
        shapes: the shape of every array that it computes.
    """
    tree = ast.parse(source)
    for place, line in enumerate(training_loop(tree).body):
        if not isinstance(line, ast.Assign) or not isinstance(line.targets[0], ast.Name):
            continue
        output = line.targets[0].id
        before = ast.unparse(line)
        for kind, value in changed(line.value, shapes):
            other = copy.deepcopy(tree)
            statement = training_loop(other).body[place]
            assert isinstance(statement, ast.Assign)
            statement.value = value
            ast.fix_missing_locations(other)
            after = ast.unparse(statement)
            if after != before:
                yield Mutant(output, kind, before, after, other)


def changed(node: ast.expr, shapes: dict[str, tuple[int, ...]]) -> Iterator[tuple[str, ast.expr]]:
    """The expression with one thing changed, with the kind of change."""
    yield from _own(node, shapes)
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.expr) and not (isinstance(node, ast.Attribute) or field == "slice"):
            for kind, inner in changed(value, shapes):
                yield kind, _with(node, field, inner)
        elif isinstance(value, list) and isinstance(node, ast.Call) and field == "args":
            for place, one in enumerate(value):
                for kind, inner in changed(one, shapes):
                    yield kind, _with(node, field, [*value[:place], inner, *value[place + 1 :]])


def _own(node: ast.expr, shapes: dict[str, tuple[int, ...]]) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            yield "operand left out", left
            yield "operand left out", right
            for other in OPERATORS.get(type(op), ()):
                yield "another operator", ast.BinOp(left, other(), right)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield "minus left out", operand
        case ast.Attribute(value=value, attr="T"):
            yield "transpose left out", value
        case ast.Call(func=ast.Attribute(attr=name, value=module), args=args, keywords=keywords):
            if name in FUNCTIONS:
                function = ast.Attribute(module, FUNCTIONS[name], ast.Load())
                yield "another function", ast.Call(function, args, keywords)
            if name in UNWRAPPED:
                yield "function left out", args[0]
        case ast.Constant(value=float() | int() as value) if not isinstance(value, bool):
            for other in (value * 2, value + 1):
                yield "another number", ast.Constant(other)
        case ast.Name(id=name) if name in shapes:
            for other, shape in shapes.items():
                if other != name and shape == shapes[name] and shape:
                    yield "another array", ast.Name(other, ast.Load())
            if len(shapes[name]) == 2 and shapes[name][0] == shapes[name][1]:
                yield "transposed", ast.Attribute(ast.Name(name, ast.Load()), "T", ast.Load())
        case _:
            pass


def _with(node: ast.expr, field: str, value: Any) -> ast.expr:
    other = copy.copy(node)
    setattr(other, field, value)
    return other


def ran(tree: ast.Module) -> dict[str, Any] | None:
    """What a script computes; None where it fails."""
    names: dict[str, Any] = {"__name__": "script"}
    try:
        with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            exec(compile(tree, "<script>", "exec"), names)
    except Exception:
        return None
    return {n: v for n, v in names.items() if isinstance(v, (np.ndarray, np.floating))}


def claims_of(net: cg.Network, values: dict[str, Any]) -> dict[str, Any]:
    """The gradients and new parameters that a script computed."""
    found = {}
    for name in net.parameters:
        found[f"d{name}"] = values[f"d{name}"]
        found[f"{name}_new"] = values[name]
    return found


def verdict(found: cg.Diagnosis, mutant: Mutant) -> str:
    """What came of a planted change: "named", "another line" (with all numbers explained), "place", "open", "wrong"."""
    lines = {mutant.output, f"{mutant.output}_new"}  # the script gives a new parameter the old one's name
    outputs = {o for c in found.causes for s in c.slips for o in s.outputs}
    rivals = {o for c in found.causes for s in c.instead for o in s.outputs}
    if found.causes and not found.unexplained:
        return "named" if lines & (outputs | rivals) else "another line"
    if found.causes and not lines & (outputs | rivals):
        return "wrong"
    return "place" if lines & {*found.suspects, *outputs} else "open"


VERDICTS = ("named", "another line", "place", "open", "wrong")
