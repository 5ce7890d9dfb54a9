"""A rule for every step of a sequence, as a student writes it: on arrays (N, T, ...), not on rows.

Such a rule is made from the one for samples (`rules.derived`), whose function takes samples and steps as one axis.
Here its lines are turned into lines for two axes that compute the same: a sum along axis 1 becomes one along axis 2,
`m[:, None]` becomes `m[:, :, None]`, and only a product over the rows has to make rows of its arrays. What has no such
form keeps its rows: the arrays are reshaped before, and the result is after.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from .folding import constant, number_of
from .inline import put_in, unused

_ELEMENTWISE = (
    {"sqrt", "exp", "expm1", "log", "log1p", "tanh", "abs", "sign", "maximum", "minimum", "where", "clip"}
    | {"logaddexp", "square", "isfinite"}
)  # fmt: skip
_REDUCING = {"sum", "mean", "max", "min", "argmax", "prod"}
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.BitAnd, ast.BitOr)
_ALL = ast.Slice()


@dataclass(frozen=True, slots=True)
class Folded:
    """An array (N, T, ...) whose samples and steps, and heads in (N, M, T, ...), are one axis to a rule's function.

    Attributes:
        name: its name in the script.
        shape: its shape in the network, ("N", T, ...).
        lead: how many of its axes are one to the function.
    """

    name: str
    shape: tuple[int | None, ...]
    lead: int

    @property
    def steps(self) -> int:
        """How many rows there are for each sample."""
        return math.prod(size or 1 for size in self.shape[1 : self.lead])

    @property
    def axes(self) -> int:
        """How many axes it has as rows."""
        return len(self.shape) - self.lead + 1

    @property
    def rows(self) -> ast.expr:
        """It as rows: `x.reshape((-1, 3))`."""
        return _reshaped(ast.Name(self.name, ast.Load()), (-1, *self.shape[self.lead :]))


class _OtherFormError(Exception):
    """What has no form on two axes."""


Statements = Sequence[ast.Assign | ast.Expr]


def unfolded(
    lines: Statements,
    folded: Mapping[str, Folded],
    shape: tuple[int | None, ...] | None,
    pointwise: Collection[str],
    taken: Collection[str],
) -> list[ast.Assign | ast.Expr]:
    """A function's lines on rows as lines on samples and steps.

    Args:
        lines: assignments to names, the last one of the result.
        folded: the arrays that the function takes as rows, by the names that they have in the lines.
        shape: the result's shape, ("N", T, ...), where it is rows to the function; None where it is not.
        pointwise: functions of the script that work on each element for itself.
        taken: names that no help value may have.
    """
    form = _Form(folded, pointwise)
    try:
        return form.lines(lines, None if shape is None else len(shape) - form.lead + 1)
    except _OtherFormError:
        return as_rows(lines, folded, shape, taken)


def as_rows(
    lines: Statements, folded: Mapping[str, Folded], shape: tuple[int | None, ...] | None, taken: Collection[str]
) -> list[ast.Assign | ast.Expr]:
    """The lines with the arrays made rows, and the result again samples and steps."""
    uses = [n.id for line in lines for n in ast.walk(line) if isinstance(n, ast.Name) and n.id in folded]
    several = {held: unused(f"{folded[held].name}_rows", taken) for held in folded if uses.count(held) > 1}
    rows = {held: ast.Name(several[held], ast.Load()) if held in several else folded[held].rows for held in folded}
    made = [put_in(line, rows) for line in lines]
    last = next(line for line in reversed(made) if isinstance(line, ast.Assign))
    if shape is not None:
        last.value = _reshaped(last.value, (-1, *shape[1:]))
    return [*(ast.Assign([ast.Name(word, ast.Store())], folded[held].rows) for held, word in several.items()), *made]


def _reshaped(value: ast.expr, shape: tuple[int | None, ...]) -> ast.expr:
    return ast.Call(ast.Attribute(value, "reshape", ast.Load()), [constant(shape)], [])


class _Form:
    """Expressions on rows as expressions on samples and steps.

    Every method gives an expression, and how many axes its value had as rows: None for a value that has no rows.
    """

    def __init__(self, folded: Mapping[str, Folded], pointwise: Collection[str]) -> None:
        self.folded, self.pointwise = folded, pointwise
        self.lead = next(iter(folded.values())).lead
        self.known: dict[str, int | None] = {}

    def lines(self, lines: Statements, axes: int | None) -> list[ast.Assign | ast.Expr]:
        """The lines; the last one has to give rows of so many axes."""
        made: list[ast.Assign | ast.Expr] = []
        found: int | None = None
        for line in lines:
            value, found = self.of(line.value)
            if not isinstance(line, ast.Assign):
                raise _OtherFormError
            (target,) = line.targets
            assert isinstance(target, ast.Name)
            self.known[target.id] = found
            made.append(ast.Assign([target], value))
        if found != axes:
            raise _OtherFormError
        return made

    def of(self, node: ast.expr) -> tuple[ast.expr, int | None]:
        if not any(isinstance(n, ast.Name) and (n.id in self.folded or n.id in self.known) for n in ast.walk(node)):
            return node, None
        match node:
            case ast.Name(id=name) if name in self.folded:
                array = self.folded[name]
                return ast.Name(array.name, ast.Load()), array.axes
            case ast.Name(id=name):
                return node, self.known[name]
            case ast.UnaryOp(op=op, operand=operand):
                inner, axes = self.of(operand)
                return ast.UnaryOp(op, inner), axes
            case ast.BinOp(left=left, op=ast.MatMult(), right=right):
                return self._product(left, right)
            case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _OPERATORS):
                (a, b), axes = self._alike([left, right])
                return ast.BinOp(a, op, b), axes
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                (a, b), axes = self._alike([left, right])
                return ast.Compare(a, [op], [b]), axes
            case ast.Subscript(value=ast.Attribute(attr="shape"), slice=ast.Constant(value=0)):
                return self._rows(node.value), None
            case ast.Subscript(value=value, slice=ast.Tuple(elts=[ast.Slice() as first, *others])):
                inner, axes = self.of(value)
                if axes is None or ast.unparse(first) != ":":
                    raise _OtherFormError
                new = sum(isinstance(o, ast.Constant) and o.value is None for o in others)
                if any(not isinstance(o, (ast.Slice, ast.Constant)) for o in others):
                    raise _OtherFormError
                return ast.Subscript(
                    inner, ast.Tuple([*[_ALL] * self.lead, *others], ast.Load()), ast.Load()
                ), axes + new
            case ast.Attribute(value=ast.Name(id=name), attr=("dtype" | "size") as attribute) if name in self.folded:
                return ast.Attribute(ast.Name(self.folded[name].name, ast.Load()), attribute, ast.Load()), None
            case ast.Call():
                return self._call(node)
            case _:
                raise _OtherFormError

    def _alike(self, nodes: Sequence[ast.expr]) -> tuple[list[ast.expr], int | None]:
        """Operands that stand beside one another element by element; those that are rows all have as many axes."""
        made = [self.of(node) for node in nodes]
        axes = {found for _, found in made if found is not None}
        if len(axes) > 1:
            raise _OtherFormError
        return [value for value, _ in made], next(iter(axes), None)

    def _product(self, left: ast.expr, right: ast.expr) -> tuple[ast.expr, None]:
        """A product over the rows: both sides are made rows."""
        match left, right:
            case ast.Attribute(value=ast.Name(id=a), attr="T"), ast.Name(id=b) if {a, b} <= self.folded.keys():
                transposed = ast.Attribute(self.folded[a].rows, "T", ast.Load())
                return ast.BinOp(transposed, ast.MatMult(), self.folded[b].rows), None
            case _:
                raise _OtherFormError

    def _rows(self, shape: ast.expr) -> ast.expr:
        """How many rows there are."""
        match shape:
            case ast.Attribute(value=ast.Name(id=name)) if name in self.folded:
                array = self.folded[name]
                own = ast.Name(array.name, ast.Load())
                if array.axes == 1:
                    return ast.Attribute(own, "size", ast.Load())
                samples = ast.Subscript(ast.Attribute(own, "shape", ast.Load()), ast.Constant(0), ast.Load())
                return ast.BinOp(samples, ast.Mult(), ast.Constant(array.steps))
            case _:
                raise _OtherFormError

    def _call(self, node: ast.Call) -> tuple[ast.expr, int | None]:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr=name), args=args, keywords=[]) if (
                name in _ELEMENTWISE
            ):
                made, axes = self._alike(args)
                return ast.Call(node.func, made, []), axes
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in self.pointwise:
                made, axes = self._alike(args)
                return ast.Call(node.func, made, []), axes
            case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr=name), args=[arg]) if name in _REDUCING:
                return self._reduced(node, arg)
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="np"), attr="zeros"),
                args=[ast.Attribute(value=ast.Name(id=name), attr="shape")],
                keywords=keywords,
            ) if name in self.folded:
                array = self.folded[name]
                shape = ast.Attribute(ast.Name(array.name, ast.Load()), "shape", ast.Load())
                others = [ast.keyword(k.arg, self.of(k.value)[0]) for k in keywords]
                return ast.Call(node.func, [shape], others), array.axes
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="np"), attr="concat"),
                args=[ast.Tuple(elts=parts)],
                keywords=[ast.keyword(arg="axis", value=ast.Constant(value=int() as axis))],
            ) if axis > 0:
                made, axes = self._alike(parts)
                along = ast.keyword("axis", constant(axis + self.lead - 1))
                return ast.Call(node.func, [ast.Tuple(made, ast.Load())], [along]), axes
            case ast.Call(func=ast.Attribute(value=value, attr="reshape"), args=[ast.Tuple(elts=places)], keywords=[]):
                inner, axes = self.of(value)
                if axes != 1 or [number_of(p) for p in places] != [-1, *[1] * (len(places) - 1)]:
                    raise _OtherFormError
                new = [ast.Constant(None) for _ in places[1:]]
                return ast.Subscript(inner, ast.Tuple([*[_ALL] * self.lead, *new], ast.Load()), ast.Load()), len(places)
            case _:
                raise _OtherFormError

    def _reduced(self, node: ast.Call, arg: ast.expr) -> tuple[ast.expr, int | None]:
        """A sum, a mean or a maximum: along axis 1 it is along axis 2, along the rows along all axes before that."""
        inner, axes = self.of(arg)
        settings = {k.arg: k.value for k in node.keywords}
        if axes is None:
            raise _OtherFormError
        if not settings:
            return ast.Call(node.func, [inner], []), None
        along = settings.pop("axis", None)
        kept = [ast.keyword(k.arg, k.value) for k in node.keywords if k.arg != "axis"]
        places = [number_of(p) for p in along.elts] if isinstance(along, ast.Tuple) else [number_of(along or node)]
        whole = sorted(p for p in places if isinstance(p, int) and p >= 0)
        if len(whole) != len(places) or any(k.arg != "keepdims" for k in kept):
            raise _OtherFormError
        over = [*range(self.lead)] if whole[0] == 0 else []
        over += [p + self.lead - 1 for p in whole if p]
        axis = ast.keyword("axis", constant(over[0] if len(over) == 1 else tuple(over)))
        if whole[0] == 0 and kept:
            raise _OtherFormError
        left = axes if kept else axes - len(whole)
        return ast.Call(node.func, [inner], [axis, *kept]), None if whole[0] == 0 else left
