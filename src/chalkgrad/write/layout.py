"""Statements as lines of text that are not too long."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence
from copy import copy

from ..base.text import visible

WIDTH = 100
STEP = 4


def statement_lines(statement: ast.stmt, indent: int = 0) -> list[str]:
    """A statement as lines, each after so many spaces, broken where it is longer than `WIDTH`."""
    ast.fix_missing_locations(statement)
    margin = " " * indent
    match statement:
        case ast.FunctionDef():
            decorators = [f"{margin}@{ast.unparse(d)}" for d in statement.decorator_list]
            return [*decorators, *_head(statement, indent), *_body(statement.body, indent + STEP)]
        case ast.For() | ast.If():
            lines = [*_head(statement, indent), *_body(statement.body, indent + STEP)]
            if statement.orelse:
                lines += [f"{margin}else:", *_body(statement.orelse, indent + STEP)]
            return lines
        case ast.Expr(value=ast.Constant(value=str() as text)):
            return docstring_lines(text, indent)
        case ast.Assign(targets=[target]):
            return _valued(f"{_open(target)} = ", statement.value, indent)
        case ast.Expr(value=ast.Yield(value=value)) if value is not None:
            return _valued("yield ", value, indent)
        case ast.Return(value=value) if value is not None:
            return _valued("return ", value, indent)
        case _:
            return [margin + line for line in ast.unparse(statement).splitlines()]


def docstring_lines(text: str, indent: int = 0) -> list[str]:
    """A docstring of one paragraph or more, filled to the width."""
    margin = " " * indent
    first, *rest = text.split("\n\n")
    opening = _docstring_wrapped(first, WIDTH - indent - 6) or [""]
    lines = [f'{margin}"""{opening[0]}', *(margin + line for line in opening[1:])]
    for paragraph in rest:
        lines += ["", *(margin + line for line in _docstring_wrapped(paragraph, WIDTH - indent))]
    if len(lines) == 1:
        closing = " " if lines[0].endswith('"') and len(lines[0]) > indent + 3 else ""
        return [f'{lines[0]}{closing}"""']
    return [*lines, f'{margin}"""']


def _docstring_wrapped(text: str, width: int) -> list[str]:
    """A paragraph's lines, each written so that it neither ends the docstring nor escapes anything."""
    lines = textwrap.wrap(visible(" ".join(text.split())), width)
    return [line.replace("\\", "\\\\").replace('"""', "'''") for line in lines]


def comment_lines(text: str, indent: int = 0) -> list[str]:
    """A comment, filled to the width."""
    return [f"{' ' * indent}# {line}" for line in textwrap.wrap(visible(" ".join(text.split())), WIDTH - indent - 2)]


def _head(statement: ast.FunctionDef | ast.For | ast.If, indent: int) -> list[str]:
    alone = copy(statement)
    alone.body = [ast.Pass()]
    if isinstance(alone, ast.FunctionDef):
        alone.decorator_list = []
    else:
        alone.orelse = []
    text = ast.unparse(ast.fix_missing_locations(alone)).splitlines()[0]
    line = " " * indent + text
    if len(line) <= WIDTH or not isinstance(statement, ast.FunctionDef):
        return [line]
    inner = " " * (indent + STEP)
    start = f"{' ' * indent}def {statement.name}("
    arguments = text.partition("(")[2].removesuffix("):")
    if len(inner) + len(arguments) <= WIDTH:
        return [start, inner + arguments, f"{' ' * indent}):"]
    wrapped = textwrap.wrap(arguments, WIDTH - len(inner))
    return [start, *(inner + line for line in wrapped), f"{' ' * indent}):"]


def _body(statements: Sequence[ast.stmt], indent: int) -> list[str]:
    return [line for s in statements for line in statement_lines(s, indent)]


def _valued(start: str, value: ast.expr, indent: int) -> list[str]:
    line = " " * indent + start + _open(value)
    return [line] if len(line) <= WIDTH else _broken(start, value, "", indent)


def _open(node: ast.expr) -> str:
    """An expression as text; a tuple without its outer brackets, where it needs none."""
    text = ast.unparse(node)
    return text[1:-1] if isinstance(node, ast.Tuple) and len(node.elts) > 1 and text.startswith("(") else text


def _broken(start: str, value: ast.expr, end: str, indent: int) -> list[str]:
    """An expression that is too long for one line, broken at its outermost call or operators."""
    margin, inner = " " * indent, " " * (indent + STEP)
    whole = f"{margin}{start}{ast.unparse(value)}{end}"
    if len(whole) <= WIDTH:
        return [whole]
    match value:
        case ast.Call(func=function, args=args, keywords=keywords) if args or keywords:
            parts = [("", a) for a in args] + [(f"{k.arg}=", k.value) for k in keywords]
            opening, closing = f"{start}{ast.unparse(function)}(", f"){end}"
        case ast.Tuple(elts=elements) if elements:
            parts, opening, closing = [("", e) for e in elements], f"{start}(", f"){end}"
        case ast.BinOp():
            return _sum(start, value, end, indent)
        case ast.Subscript(value=ast.Call() as call):
            return _broken(start, call, f"[{ast.unparse(value.slice)}]{end}", indent)
        case _:
            return [whole]
    line = inner + ", ".join(f"{n}{ast.unparse(v)}" for n, v in parts)
    if len(margin + opening) > WIDTH:
        return [whole]
    if len(line) <= WIDTH:
        return [margin + opening, line, margin + closing]
    rows = [row for n, v in parts for row in _broken(n, v, ",", indent + STEP)]
    return [margin + opening, *rows, margin + closing]


_MARKS: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@", ast.BitAnd: "&",
}  # fmt: skip
_PRODUCTS = (ast.Mult, ast.Div, ast.MatMult)
_LEVELS = ((ast.Add, ast.Sub), _PRODUCTS, (ast.BitAnd,))


def _sum(start: str, value: ast.BinOp, end: str, indent: int) -> list[str]:
    """`a + b - c` with every term on a line of its own, in brackets."""
    margin = " " * indent
    level = next((v for v in _LEVELS if isinstance(value.op, v)), None)
    if level is None:
        return [f"{margin}{start}{ast.unparse(value)}{end}"]
    terms: list[tuple[str, ast.expr]] = []
    node: ast.expr = value
    while isinstance(node, ast.BinOp) and isinstance(node.op, level):
        terms.append((f"{_MARKS[type(node.op)]} ", node.right))
        node = node.left
    terms.append(("", node))
    rows: list[str] = []
    for mark, term in reversed(terms):
        rows += _term(mark, term, isinstance(value.op, (ast.Add, ast.Sub)), indent + STEP)
    return [f"{margin}{start}(", *rows, f"{margin}){end}"]


def _term(mark: str, term: ast.expr, additive: bool, indent: int) -> list[str]:
    """One term of a sum or factor of a product, after its operator; inside brackets already."""
    binds = isinstance(term, (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript))
    if isinstance(term, ast.BinOp):
        binds = isinstance(term.op, (*_PRODUCTS, ast.Pow) if additive else ast.Pow)
    line = f"{' ' * indent}{mark}{ast.unparse(term) if binds else f'({ast.unparse(term)})'}"
    if len(line) <= WIDTH:
        return [line]
    if additive and isinstance(term, ast.BinOp) and isinstance(term.op, _PRODUCTS):
        return _filled(mark, term, indent)
    if isinstance(term, ast.BinOp):
        return _sum(mark, term, "", indent)
    return _broken(mark, term, "", indent) if binds else [line]


def _filled(mark: str, product: ast.BinOp, indent: int) -> list[str]:
    """A product over as many lines as it needs, each after the first set in."""
    parts: list[str] = []
    node: ast.expr = product
    while isinstance(node, ast.BinOp) and isinstance(node.op, _PRODUCTS):
        single = isinstance(node.right, (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript))
        right = ast.unparse(node.right)
        parts.append(f"{_MARKS[type(node.op)]} {right if single else f'({right})'}")
        node = node.left
    first = ast.unparse(node)
    rows = [f"{' ' * indent}{mark}{first if not isinstance(node, ast.BinOp) else f'({first})'}"]
    if len(rows[0]) > WIDTH and isinstance(node, ast.BinOp):
        return _sum(mark, node, f" {' '.join(reversed(parts))}", indent)
    for part in reversed(parts):
        if len(rows[-1]) + 1 + len(part) <= WIDTH:
            rows[-1] += f" {part}"
        else:
            rows.append(f"{' ' * (indent + STEP)}{part}")
    return rows
