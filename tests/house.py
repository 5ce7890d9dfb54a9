"""The house: which module imports which, at any depth. `python tests/house.py` counts rooms, arrows and circles."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "chalkgrad"
FLOORS = (
    "base",
    "formula",
    "render",
    "calculus",
    "files",
    "rules",
    "data",
    "program",
    "describe",
    "engines",
    "explain",
    "model",
    "plots",
    "gradient_check",
    "testing",
    "train",
    "write",
    "diagram",
    "diagnosis",
    "page",
    "network",
    "exchange",
    "runs",
    "examples",
    "worksheet",
    "replay",
    "cli",
    "__main__",
)
"""From the ground up: a room imports from its own floor and from those named before it."""


@dataclass(frozen=True)
class Import:
    """One arrow: the module that imports, the one that it imports, the line, and whether at call time or for types."""

    by: str
    of: str
    line: int
    lazy: bool

    def __str__(self) -> str:
        return f"{self.by} -> {self.of} (line {self.line}{', not at the top' if self.lazy else ''})"


def modules(source: Path) -> dict[str, Path]:
    """Every module by its dotted name below the package; the package itself is ""."""
    found = {}
    for file in sorted(source.rglob("*.py")):
        parts = file.relative_to(source).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@cache
def tree(file: Path) -> ast.Module:
    """A file's syntax tree, read once."""
    return ast.parse(file.read_text(encoding="utf-8"))


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements below a node, at any depth; imports are statements, and expressions hold none."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        if isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case)):
            yield from statements(child)


@cache
def imports(source: Path) -> list[Import]:
    """Every import of one module of the package by another, inside functions and for type checkers too."""
    known = modules(source)
    found = []
    for name, file in known.items():
        package = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
        module = tree(file)
        top = {id(node) for node in module.body}
        for node in statements(module):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = [p for p in package if p][: len(package) - node.level + 1]
                inner = ".".join([*base, *(node.module or "").split(".")]).strip(".")
                for alias in node.names:
                    whole = f"{inner}.{alias.name}".strip(".")
                    of = whole if whole in known else inner
                    found.append(Import(name, of, node.lineno, id(node) not in top))
    return found


def circles(arrows: Mapping[str, set[str]]) -> list[list[str]]:
    """The groups of modules that import each other in a circle, largest first (Tarjan's algorithm)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for below in arrows.get(node, ()):
            if below not in order:
                visit(below)
                low[node] = min(low[node], low[below])
            elif below in stack:
                low[node] = min(low[node], order[below])
        if low[node] == order[node]:
            at = stack.index(node)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for node in arrows:
        if node not in order:
            visit(node)
    return sorted(found, key=len, reverse=True)


def graph(found: list[Import]) -> dict[str, set[str]]:
    """The arrows by the module that they come from, without the package's own face (`chalkgrad/__init__.py`)."""
    arrows: dict[str, set[str]] = {}
    for arrow in found:
        if arrow.by and arrow.of and arrow.by != arrow.of:
            arrows.setdefault(arrow.by, set()).add(arrow.of)
    return arrows


def upward(found: list[Import]) -> Iterator[Import]:
    """The imports that run up: of a room on a higher floor."""
    for arrow in found:
        by, of = arrow.by.split(".")[0], arrow.of.split(".")[0]
        if by and of and FLOORS.index(of) > FLOORS.index(by):
            yield arrow


LAZY = {
    ("data", "data.archive"): "reading files is loaded when files are read",
    ("data", "data.sequences"): "reading files is loaded when files are read",
    ("data", "data.table"): "reading files is loaded when files are read",
    ("engines.c.__main__", ""): "a command for developers reads worked examples, which stand above",
    ("model.prediction", "engines.c.run.compiler"): "the compiled engine is loaded when it is used",
    ("model.prediction", "engines.c.run.prediction"): "the compiled engine is loaded when it is used",
    ("network", "engines.c.print.standalone"): "the compiled engine is loaded when it is used",
    ("replay.trainings_000", "replay.simple_cnn_torch"): "PyTorch is not needed otherwise",
    ("train.engine", "engines.c.run.compiler"): "the compiled engine is loaded when it is used",
    ("train.engine", "engines.c.run.training"): "the compiled engine is loaded when it is used",
}
"""The imports that are not at the top, and why; and those of the commands, which import in `run`: help needs no NumPy."""
BEFORE = ("d", "m_", "v_", "g_", "L_")
AFTER = ("_new", "_data", "_before", "_unbiased")
CUTS = ("removeprefix", "removesuffix", "startswith", "endswith")


def surgery(source: Path) -> dict[str, list[str]]:
    """By file, the expressions that spell a value's relation to another into its name, or cut it out of one."""
    found: dict[str, list[str]] = {}
    for file in sorted(source.rglob("*.py")):
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.JoinedStr):
                pairs = list(zip(node.values, node.values[1:], strict=False))
                hit = any(isinstance(a, ast.Constant) and a.value in BEFORE for a, _ in pairs)
                hit |= any(isinstance(b, ast.Constant) and str(b.value).startswith(AFTER) for _, b in pairs)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CUTS:
                hit = any(isinstance(a, ast.Constant) and a.value in BEFORE + AFTER for a in node.args)
            else:
                continue
            if hit:
                found.setdefault(file.relative_to(source).as_posix(), []).append(ast.unparse(node))
    return found


def count(source: Path) -> str:
    """What the note of a change quotes: modules, arrows, circles, top-level modules."""
    found = imports(source)
    arrows = graph(found)
    loops = circles(arrows)
    top = [m for m, f in modules(source).items() if m and "." not in m and f.name != "__init__.py"]
    lazy = {(a.by, a.of) for a in found if a.lazy and a.by}
    lines = [
        f"{len(modules(source))} modules, {sum(map(len, arrows.values()))} arrows between them",
        f"{len(top)} top-level modules: {', '.join(top)}",
        f"{len(lazy)} arrows at call time or for types only",
        f"{len(loops)} circles, of {', '.join(str(len(loop)) for loop in loops) or 'none'}",
    ]
    if {m.split(".")[0] for m in modules(source) if m} <= set(FLOORS):
        lines.append(f"{len(set(upward(found)))} arrows run up")
    cuts = surgery(source)
    lines.append(f"{sum(map(len, cuts.values()))} names spelled or cut, in {len(cuts)} files")
    return "\n".join([*lines, *(f"  {', '.join(loop)}" for loop in loops)])


if __name__ == "__main__":
    print(count(Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE))
