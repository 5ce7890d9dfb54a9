"""A rule's function as lines of a script: its own source, with the script's names put in.

Nothing here knows any mathematics. The source of the rule's function is read, its parameters are replaced by
names and numbers, tests whose outcome is known are decided (`xp is np`, `b is None`), helpers of one expression
are put in where they are called, and all others become functions at the head of the script.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from types import FunctionType, ModuleType
from typing import Any, TypeAlias, TypeVar

import numpy as np

from ..base.errors import OptionError
from ..rules.arrays import namespace, on_numpy
from ..rules.rule import Rule
from .folding import (
    axes_of,
    constant,
    fold_call,
    fold_comparison,
    fold_operation,
    fold_subscript,
    number_of,
    range_of,
    truth_of,
)

Optionals: TypeAlias = Mapping[Callable[..., Any], Collection[str]]
Node = TypeVar("Node", bound=ast.AST)
MODULES = ("math",)
"""What a rule may use besides NumPy: a script imports it."""
WIDTH = 96
"""How long a line may get before its help values are written as lines of their own."""
_KINDS = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)
"""Nodes that hold nothing, of which Python itself has one each."""
_SCOPED = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.For, ast.While, ast.With)


@cache
def source_of(function: Callable[..., Any]) -> ast.FunctionDef:
    """The definition of a function, as a tree; to be copied, not changed."""
    name = getattr(function, "__name__", str(function))
    try:
        node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError):
        raise OptionError(f"the source of {name} cannot be read; define it in a file or a cell of a notebook") from None
    if not isinstance(node, ast.FunctionDef):
        raise OptionError(f"{name} has no form in a script; define it with def")
    return node


@cache
def locals_of(function: Callable[..., Any]) -> frozenset[str]:
    """The names of a function's parameters, and those that it assigns to."""
    nodes = list(ast.walk(source_of(function)))
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return frozenset(stored | {n.arg for n in nodes if isinstance(n, ast.arg)})


@cache
def _is_straight(function: Callable[..., Any]) -> bool:
    """Whether a function has neither loops nor functions of its own."""
    return not any(isinstance(node, _SCOPED) for node in ast.walk(source_of(function)))


def copied(node: Node) -> Node:
    """The tree again, to be changed; `copy.deepcopy` would take ten times as long."""
    twin = node.__class__.__new__(node.__class__)
    fields = twin.__dict__
    for name, value in node.__dict__.items():
        fields[name] = _copied(value) if isinstance(value, (ast.AST, list)) else value
    return twin


def _copied(value: Any) -> Any:
    if isinstance(value, _KINDS):
        return value
    if isinstance(value, ast.AST):
        return copied(value)
    return [_copied(v) for v in value] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType]


def functions_used(function: Callable[..., Any], seen: frozenset[str] = frozenset()) -> set[str]:
    """The names of the functions that a function calls, and that these call."""
    inner = inspect.unwrap(function)
    known = names_of(inner)
    names = {n for n in inner.__code__.co_names if _function(known.get(n)) is not None} - seen
    for name in list(names):
        if (called := _function(known[name])) is not None and called.__module__.partition(".")[0] != "numpy":
            names |= functions_used(called, seen | names)
    return names


@dataclass(slots=True)
class Library:
    """The functions at the head of a script, each behind those that it calls.

    Attributes:
        taken: names that no function may have: those of the script's values.
        helpers: names that no help value may have: those of functions.
        present: by rules' functions, their optional parameters that are given everywhere in the script.
        absent: those that are given nowhere.
        definitions: the functions in order.
        imports: the import lines that they and the script's lines need.
    """

    taken: Collection[str] = ()
    helpers: Collection[str] = ()
    present: Optionals = field(default_factory=dict[Callable[..., Any], Collection[str]])
    absent: Optionals = field(default_factory=dict[Callable[..., Any], Collection[str]])
    definitions: list[ast.FunctionDef] = field(default_factory=list[ast.FunctionDef])
    imports: set[str] = field(default_factory=set[str])
    names: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, function: Callable[..., Any]) -> str:
        """The name under which the script calls the function, which now stands at its head."""
        key = f"{function.__module__}.{function.__qualname__}"
        if key not in self.names:
            self.names[key] = self._name(function)
            self.definitions.append(self._definition(function, self.names[key]))
        return self.names[key]

    def _name(self, function: Callable[..., Any]) -> str:
        name = function.__name__.lstrip("_")
        others = {*self.taken, *self.names.values()}
        if name in others or (name != function.__name__ and name in names_of(function)):
            name = f"{function.__module__.rpartition('.')[2]}_{name}"
        return unused(name, others)

    def _definition(self, function: Callable[..., Any], name: str) -> ast.FunctionDef:
        node = copied(source_of(function))
        absent, present = self.absent.get(function, ()), self.present.get(function, ())
        known = {p: constant(None) for p in absent}
        folder = Folder(function, known, self, arrays=present)
        body = folder.body(node.body)
        arguments = node.args
        first_default = len(arguments.args) - len(arguments.defaults)
        kept: list[tuple[ast.arg, ast.expr | None]] = []
        for place, argument in enumerate(arguments.args):
            default = arguments.defaults[place - first_default] if place >= first_default else None
            if argument.arg not in known:
                kept.append((argument, None if argument.arg in present else default))
        arguments.args = [a for a, _ in kept]
        arguments.defaults = [d for _, d in kept if d is not None]
        for argument in (*arguments.args, *arguments.kwonlyargs):
            argument.annotation = None
        decorators = [d for d in node.decorator_list if self._standard(d, names_of(function))]
        text = (ast.get_docstring(node) or "").split("\n\n")[0]
        opening: list[ast.stmt] = [ast.Expr(ast.Constant(text))] if text else []
        return ast.FunctionDef(name=name, args=arguments, body=[*opening, *body], decorator_list=decorators)

    def _standard(self, decorator: ast.expr, known: Mapping[str, Any]) -> bool:
        """Whether a decorator comes with Python; then it is kept and imported."""
        if isinstance(decorator, ast.Name) and getattr(known.get(decorator.id), "__module__", "") == "functools":
            self.imports.add(f"from functools import {decorator.id}")
            return True
        return False


def unused(name: str, taken: Collection[str]) -> str:
    """The name, or where it is taken the name with a number behind it."""
    candidates = (name if n == 1 else f"{name}_{n}" for n in count(1))
    return next(c for c in candidates if c not in taken)


def names_of(function: Callable[..., Any]) -> Mapping[str, Any]:
    """What the names in a function stand for: those of its module, and of the functions around it."""
    if not isinstance(function, FunctionType):
        return {}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    return {**function.__globals__, **{name: cell.cell_contents for name, cell in cells}}


class Folder(ast.NodeTransformer):
    """Goes through a function's body, puts in what is known and decides what can be decided.

    Args:
        function: the function whose body it is; its module's names are looked up.
        known: what parameters (and later, local names) stand for.
        library: where helpers go that have to be functions.
        shapes: the shapes of the script's arrays by name.
        arrays: parameters that are arrays, never None.
        placeholders: whether every assignment makes a new name, `total@1`, so that each is assigned once.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        known: Mapping[str, ast.expr],
        library: Library,
        shapes: Mapping[str, tuple[int | None, ...]] | None = None,
        arrays: Collection[str] = (),
        placeholders: bool = False,
    ) -> None:
        self.name = function.__name__
        self.globals = names_of(function)
        self.known = dict(known)
        self.library = library
        self.shapes = dict(shapes or {})
        self.arrays = arrays
        self.placeholders = placeholders
        self.held = 0
        self.locals = locals_of(function)

    def body(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        """The statements that are left, up to the first return that is always reached."""
        left: list[ast.stmt] = []
        for place, statement in enumerate(statements):
            if place == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                continue  # the docstring
            made: Any = self.visit(copied(statement))
            for each in made if isinstance(made, list) else [made] if made is not None else []:  # pyright: ignore[reportUnknownVariableType]
                left.append(each)  # pyright: ignore[reportUnknownArgumentType]
                if isinstance(each, ast.Return):
                    return left
        return left

    def value(self, node: ast.expr) -> ast.expr:
        """One expression, folded."""
        made: Any = self.visit(node)
        return made

    # -- names -----------------------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if not isinstance(node.ctx, ast.Load):
            return node
        if node.id in self.known:
            return copied(self.known[node.id])
        if node.id in self.locals:
            return node
        if node.id not in self.globals:
            if not hasattr(builtins, node.id):
                raise OptionError(f"{self.name} uses {node.id}, which there is not")
            return node
        found = self.globals[node.id]
        if found is np:
            return ast.Name("np", ast.Load())
        if isinstance(found, ModuleType) and found.__name__ in MODULES:
            return ast.Name(found.__name__, ast.Load())
        if isinstance(found, (int, float, str)):
            return constant(found)
        function = _function(found)
        if function is None:
            raise OptionError(
                f"{self.name} uses {node.id}, which has no form in a script: a rule may use numbers, functions defined "
                f"with def, and the modules numpy and {' and '.join(MODULES)}"
            )
        return ast.Name(self.library.add(function), ast.Load())

    def _called(self, node: ast.expr) -> Callable[..., Any] | None:
        """The function of a rule's module that is called, where it is one."""
        if isinstance(node, ast.Name) and node.id not in self.known and node.id not in self.locals:
            return _function(self.globals.get(node.id))
        return None

    # -- expressions -----------------------------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> ast.expr:
        function = self._called(node.func)
        if function is namespace:
            return ast.Name("np", ast.Load())
        if function is on_numpy:
            return ast.Constant(True)
        node.args = [self.value(a) for a in node.args]
        node.keywords = [ast.keyword(k.arg, _one_axis(k.arg, self.value(k.value))) for k in node.keywords]
        if function is None:
            node.func = self.value(node.func)
            return fold_call(node, self.shapes)
        inlined = _expression(function, node, self.library, self.shapes)
        return inlined or ast.Call(ast.Name(self.library.add(function), ast.Load()), node.args, node.keywords)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        node.value = self.value(node.value)
        if isinstance(node.value, ast.Constant) and not isinstance(node.value.value, (int, float, str)):
            return constant(getattr(node.value.value, node.attr))  # a setting of an initialiser
        if node.attr == "ndim":
            axes = axes_of(node.value, self.shapes)
            return node if axes is None else constant(axes)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        node.value, node.slice = self.value(node.value), self.value(node.slice)
        return fold_subscript(node, self.shapes)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        node.left, node.right = self.value(node.left), self.value(node.right)
        return fold_operation(node, self.shapes)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        node.left, node.comparators = self.value(node.left), [self.value(c) for c in node.comparators]
        return fold_comparison(node, lambda name: name in self.shapes or name in self.arrays)

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        node.test = self.value(node.test)
        truth = truth_of(node.test)
        if truth is not None:
            return self.value(node.body if truth else node.orelse)
        node.body, node.orelse = self.value(node.body), self.value(node.orelse)
        return node

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        elements: list[ast.expr] = []
        for element in node.elts:
            made = self.value(element)
            places = range_of(made.value) if isinstance(made, ast.Starred) else None
            if isinstance(made, ast.Starred) and isinstance(made.value, ast.Tuple):
                elements += made.value.elts
            else:
                elements += [made] if places is None else [constant(p) for p in places]
        return ast.Tuple(elements, node.ctx)

    # -- statements ------------------------------------------------------------------------------------------

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt | None:
        assert node.value is not None
        return self.visit_Assign(ast.Assign([node.target], node.value))

    def visit_Assign(self, node: ast.Assign) -> ast.stmt | None:
        value = self.value(node.value)
        target = node.targets[0]
        if isinstance(target, ast.Name):
            if isinstance(value, ast.Name) and value.id == "np":
                self.known[target.id] = value
                return None
            if self.placeholders:
                return self._hold(target.id, value)
        node.targets = [self.value(t) for t in node.targets]
        node.value = value
        return node

    def _hold(self, name: str, value: ast.expr) -> ast.stmt | None:
        if _simple(value) or number_of(value) is not None:
            self.known[name] = value
            return None
        self.held += 1
        held = f"{name}@{self.held}"
        axes = axes_of(value, self.shapes)
        if axes is not None:
            self.shapes[held] = (None,) * axes
        else:
            self.locals = {*self.locals, held}
        self.known[name] = ast.Name(held, ast.Load())
        return ast.Assign([ast.Name(held, ast.Store())], value)

    def visit_If(self, node: ast.If) -> Any:
        node.test = self.value(node.test)
        truth = truth_of(node.test)
        if truth is not None:
            return self.body(node.body if truth else node.orelse)
        node.body, node.orelse = self.body(node.body), self.body(node.orelse)
        return node


def _one_axis(name: str | None, value: ast.expr) -> ast.expr:
    """`axis=(1,)` as `axis=1`, which is the same to NumPy."""
    return value.elts[0] if name == "axis" and isinstance(value, ast.Tuple) and len(value.elts) == 1 else value


def _function(found: Any) -> Callable[..., Any] | None:
    """The plain function behind a rule, a helper, or a helper with a decorator."""
    if isinstance(found, Rule):
        return found.function
    inner = inspect.unwrap(found) if callable(found) else None
    return inner if isinstance(inner, FunctionType) else None


def _simple(node: ast.expr) -> bool:
    """Whether an expression may be written several times instead of once."""
    match node:
        case ast.Name() | ast.Constant():
            return True
        case ast.Attribute(value=ast.Name()):
            return True
        case ast.UnaryOp(operand=ast.Constant()):
            return True
        case ast.Tuple(elts=elements):
            return all(_simple(e) for e in elements)
        case _:
            return False


def _uses(statements: Sequence[ast.AST], name: str) -> int:
    nodes = (n for s in statements for n in ast.walk(s))
    return sum(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load) for n in nodes)


class _Put(ast.NodeTransformer):
    """Puts expressions in the place of names."""

    def __init__(self, known: Mapping[str, ast.expr]) -> None:
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return copied(self.known[node.id]) if node.id in self.known else node


def put_in(node: Any, known: Mapping[str, ast.expr]) -> Any:
    """A tree with expressions in the place of names."""
    return _Put(known).visit(copied(node))


def _straight(
    function: Callable[..., Any],
    known: Mapping[str, ast.expr],
    library: Library,
    shapes: Mapping[str, tuple[int | None, ...]],
) -> list[ast.Assign | ast.Expr | ast.Return] | None:
    """A function's body as assignments to single names, calls (of `np.add.at`) and a return; None where it has loops or
    branches.
    """
    if not _is_straight(function):
        return None
    trial = Library(
        library.taken, library.helpers, library.present, library.absent
    )  # helpers are added when it is sure to be used
    for book in (trial, library):
        body = Folder(function, known, book, shapes, placeholders=True).body(source_of(function).body)
        lines = [
            s for s in body if isinstance(s, (ast.Return, ast.Expr)) or (isinstance(s, ast.Assign) and _one_name(s))
        ]
        if len(lines) != len(body) or not lines or not isinstance(lines[-1], ast.Return):
            return None
        if book is library:
            return lines
    return None


def _one_name(statement: ast.Assign) -> bool:
    return len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name)


def _expression(
    function: Callable[..., Any],
    call: ast.Call,
    library: Library,
    shapes: Mapping[str, tuple[int | None, ...]],
) -> ast.expr | None:
    """A call as the one expression that the function returns; None where it has to be a call."""
    bound = _bind(function, call)
    if bound is None:
        return None
    known: dict[str, ast.expr] = {}
    held: dict[str, ast.expr] = {}
    inner = dict(shapes)
    for name, value in bound.items():
        if _simple(value):
            known[name] = value
            continue
        key = f"{name}@{len(inner)}.{len(held)}"
        held[key], known[name] = value, ast.Name(key, ast.Load())
        axes = axes_of(value, shapes)
        if axes is not None:
            inner[key] = (None,) * axes
    lines = _straight(function, known, library, inner)
    if lines is None or len(lines) != 1 or lines[0].value is None:
        return None
    if any(_uses([lines[0].value], key) > 1 for key in held):
        return None
    return put_in(lines[0].value, held)


def _bind(function: Callable[..., Any], call: ast.Call) -> dict[str, ast.expr] | None:
    """Every parameter's expression in a call; None where it is not plain enough to tell."""
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        return None
    arguments = source_of(function).args
    names = [a.arg for a in arguments.args]
    bound = dict(zip(names[len(names) - len(arguments.defaults) :], arguments.defaults, strict=True))
    bound.update({a.arg: d for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None})
    bound.update(zip(names, call.args, strict=False))
    bound.update({k.arg: k.value for k in call.keywords if k.arg is not None})
    return bound


def lines_of(
    function: Callable[..., Any],
    output: str,
    known: Mapping[str, ast.expr],
    library: Library,
    shapes: Mapping[str, tuple[int | None, ...]],
    indent: int = 0,
) -> list[ast.Assign | ast.Expr] | None:
    """What a function computes from `known`, as assignments of which the last one is to `output`; calls that change it
    in place may come after that.

    None where the function has loops or branches and has to stand at the head of the script.
    """
    lines = _straight(function, known, library, shapes)
    if lines is None:
        return None
    values: list[tuple[str, ast.expr]] = []
    for line in lines:
        target = output if isinstance(line, ast.Return) else ""  # a call alone has no target
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            target = line.targets[0].id
        assert line.value is not None
        values.append((target, line.value))
    if any(not name for name, _ in values):
        changed = values[-1][1]  # an array that is made and then changed in place
        if not isinstance(changed, ast.Name) or any(name and _uses([v], changed.id) for name, v in values[:-1]):
            return None
        own = ast.Name(output, ast.Load())
        values = [(output if n == changed.id else n, put_in(v, {changed.id: own})) for n, v in values[:-1]]
    place = 0
    while place < len(values) - 1:
        name, value = values[place]
        if name in ("", output):
            place += 1
            continue
        rest = [v for _, v in values[place + 1 :]]
        plain = name.partition("@")[0]
        shorter = [(n, put_in(v, {name: value})) for n, v in values[place + 1 :]]
        short = all(len(f"{n.partition('@')[0]} = {ast.unparse(v)}") + indent <= WIDTH for n, v in shorter)
        uses = _uses(rest, name)
        if uses == 0 or (uses == 1 and (short or plain in {*library.taken, *library.helpers, output})):
            values[place:] = shorter
            continue
        own = unused(plain, {*library.taken, *library.helpers, output, *(n for n, _ in values[:place])})
        values[place + 1 :] = [(n, put_in(v, {name: ast.Name(own, ast.Load())})) for n, v in values[place + 1 :]]
        values[place] = own, value
        place += 1
    return [ast.Assign([ast.Name(n, ast.Store())], v) if n else ast.Expr(v) for n, v in values]


def call_of(name: str, arguments: Sequence[ast.expr], options: Mapping[str, Any]) -> ast.Call:
    """A call of a function at the head of the script."""
    keywords = [ast.keyword(n, constant(v)) for n, v in options.items()]
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), keywords)
