"""A formula as a function on NumPy arrays: the text that `array_code` prints, run.

This is the only place where text becomes code, but for `write/torch/instance.py`, which runs a script's module. The
text is printed from a formula's tree, and before it runs, every name in it is held against the formula's own and the
few of NumPy that `array_code` writes: a formula in a file cannot smuggle in anything else.
"""

from __future__ import annotations

import ast
import keyword
import linecache
import math
import zlib
from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Any

import numpy as np

from ..base.errors import FormulaError
from ..formula.formula import Formula
from .array_code import function_text
from .dialects import HELPERS, NUMPY

_OURS = ("np", "math", *HELPERS)
_GIVEN = {*_OURS, "float", "int", "range", "abs", "max", "min"}
_ATTRIBUTES = {
    *("T", "abs", "arange", "argmax", "array", "asarray", "atleast_1d", "broadcast_to", "copy", "cos", "dtype"),
    *("einsum", "erf", "erfc", "exp", "expand_dims", "inf", "log", "max", "maximum", "mean", "min", "minimum", "ndim"),
    *("pi", "prod", "reshape", "shape", "sign", "sin", "sqrt", "sum", "tanh", "transpose", "vectorize"),
}
_NODES = {
    *("Module", "FunctionDef", "arguments", "arg", "Return", "Assign", "Expr", "Load", "Store", "Name", "Attribute"),
    *("Call", "keyword", "Constant", "BinOp", "UnaryOp", "USub", "Add", "Sub", "Mult", "Div", "Pow", "MatMult"),
    *("Compare", "Lt", "Gt", "LtE", "GtE", "Eq", "Subscript", "Slice", "Tuple", "List", "Starred"),
}
"""The kinds of syntax that printed code is made of."""


def array_function(formula: Formula, name: str, operands: Sequence[str], like: str | None = None) -> Callable[..., Any]:
    """The formula as a function on NumPy arrays.

    Args:
        formula: the formula.
        name: the function's name.
        operands: its parameters, in order; its settings follow as keywords.
        like: the operand that lends the output its shape.

    Raises:
        FormulaError: where the formula has no such form, or a name in it is none that Python can have.
    """
    names = {*operands, *formula.options, name}
    for one in sorted(names):
        if keyword.iskeyword(one) or one.startswith("_") or not one.isidentifier() or one in _OURS:
            raise FormulaError(f"{one!r} cannot be the name of a parameter; rename it in {formula.text!r}")
    source = function_text(formula, name, operands, like)
    tree = ast.parse(source)
    _check(tree, names, formula)
    file = f"<{name}, printed from a formula: {zlib.crc32(source.encode()):08x}>"
    _remember(file, source)
    known: dict[str, Any] = {"np": np, "math": math, **_helpers()}
    exec(compile(tree, file, "exec"), known)
    function: Callable[..., Any] = known[name]
    function.__doc__ = f"The formula {formula.text}."
    return function


def _remember(file: str, source: str) -> None:
    """Keeps a printed text so that the source of its functions can be read, for scripts and tracebacks."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)


@cache
def _helpers() -> dict[str, Any]:
    """The functions that gathering and scattering code calls."""
    file = "<helpers of array code>"
    _remember(file, NUMPY.helpers)
    known: dict[str, Any] = {"np": np, "__name__": __name__}
    exec(compile(NUMPY.helpers, file, "exec"), known)
    return {name: known[name] for name in HELPERS}


def _check(tree: ast.AST, names: Collection[str], formula: Formula) -> None:
    """Raises FormulaError where the printed text holds anything but arithmetic on the formula's own names."""
    for node in ast.walk(tree):
        part = node.id if isinstance(node, ast.Name) else ""
        known = part in names or part in _GIVEN or part.removeprefix("part").isdigit() or not part
        attribute = not isinstance(node, ast.Attribute) or node.attr in _ATTRIBUTES
        if type(node).__name__ not in _NODES or not known or not attribute:
            raise FormulaError(f"{formula.text!r} cannot be printed as NumPy: {ast.dump(node)[:60]}")
