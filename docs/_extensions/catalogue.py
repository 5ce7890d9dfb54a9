"""The catalogue of rules: a page for every file of rules, written before the site is built.

Formulas are set by chalkgrad's own printer (MathML), derivations are what `rule.derivation()` gives.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from sphinx.application import Sphinx

from chalkgrad import rules
from chalkgrad.base.errors import FormulaError
from chalkgrad.calculus.derivation import derivation
from chalkgrad.formula import Formula
from chalkgrad.formula.text import text
from chalkgrad.render.blocks import Equation, Line, Style
from chalkgrad.render.board import Board
from chalkgrad.render.style import CSS
from chalkgrad.rules import OPERATIONS, UPDATES, Operation, Rule, clipping

ALL = (*OPERATIONS, *UPDATES, clipping.operation)
CHAPTERS = {
    "Weights": "dense conv2d conv1d embedding positions",
    "Activations": "sigmoid tanh relu leaky_relu elu gelu softplus silu softmax",
    "Shapes and paths": "add multiply concat flatten sum_outputs shares inputs",
    "Pools": "max_pool2d avg_pool2d global_avg_pool",
    "Normalisation and dropout": "batch_norm layer_norm rms_norm dropout",
    "Sequences": "recurrence kept rnn lstm gru attention",
    "Losses": "squared_error absolute_error cross_entropy binary_cross_entropy label_smoothing hinge reduction penalty",
    "Updates": "sgd rmsprop adagrad adam weight_decay clipping",
}
"""The files of rules in an order to browse; those that are not named stand at the end."""


def file_of(rule: Rule) -> str:
    """The name of the file that the rule's function stands in."""
    return rule.function.__module__.rpartition(".")[2]


def by_file() -> dict[str, dict[str, Rule]]:
    """The rules by file and name. One that was made from another (for an LSTM's gate, say) stands with that one."""
    found: dict[str, dict[str, Rule]] = {}
    for rule in rules.RULES:
        found.setdefault(file_of(rule), {}).setdefault(rule.name, rule)
    return found


def operations_in(module: ModuleType) -> Iterator[Operation]:
    """The operations that a file of rules makes."""
    for value in vars(module).values():
        held: Any = value if isinstance(value, Mapping) else getattr(value, "operations", value)
        for one in held.values() if isinstance(held, Mapping) else held if isinstance(held, tuple) else (held,):
            if isinstance(one, Operation) and one in ALL:
                yield one


def article(board: Board) -> str:
    """A board as a piece of HTML without its title."""
    found = re.search(r"<article.*</article>", board.to_html(), re.DOTALL)
    assert found is not None
    body = re.sub(r"<h1>.*?</h1>\n?", "", found[0])
    return re.sub(r"<(/?)h[2-5]>", r"<\1h4>", body)


def raw(html: str) -> str:
    """HTML in Markdown."""
    return f"```{{raw}} html\n{html}\n```\n"


def details(summary: str, html: str) -> str:
    """HTML that is folded away."""
    return raw(f"<details><summary>{summary}</summary>\n{html}\n</details>")


def equation(formula: Formula, note: str = "") -> Equation:
    """A formula as an equation of a board."""
    notes = [note] if note else []
    if formula.bounds:
        notes.append("for " + ", ".join(f"{index} < {text(bound)}" for index, bound in formula.bounds.items()))
    return Equation(formula.left, (Line(formula.right),), notes=tuple(notes))


def style_of(names: Iterator[str] | set[str]) -> Style:
    """Derivatives are set as such: dW as that of L by W."""
    names = set(names)
    return Style(derivatives={n: n[1:] for n in names if n.startswith("d") and len(n) > 1})


def formulas(*found: tuple[Formula, str]) -> str:
    """Formulas with notes, one under the other."""
    names = {n for f, _ in found for n in (f.output, *f.arrays)}
    return article(Board("", tuple(equation(f, note) for f, note in found), style_of(names)))


def paragraph(docstring: str | None) -> str:
    """A docstring as Markdown: letters and brackets as they are."""
    blocks = inspect.cleandoc(docstring or "").split("\n\n")
    kept = re.sub(r"([*_\[\]<>|$])", r"\\\1", "\n\n".join(" ".join(b.split()) for b in blocks if b))
    return re.sub(r"`[^`]*`", lambda span: span[0].replace("\\", ""), kept)


def rule_section(rule: Rule, users: list[str]) -> str:
    """A rule: its formula, shapes, source, and usual mistakes."""
    parts = [f"### {rule.name}\n"]
    if rule.formula is not None:
        parts.append(raw(formulas((rule.formula, ""))))
        parts.append(f"`{rule.formula.text}`\n")
    else:
        parts.append("It draws random numbers, so it has no formula.\n")
    parts.append(paragraph(rule.function.__doc__) + "\n")
    if rule.source:
        parts.append(f"*Source:* {paragraph(rule.source)}.\n")
    if users:
        parts.append(f"*In:* {'; '.join(users)}.\n")
    if rule.mistakes:
        parts.append("**Usual mistakes**\n")
        shown = [(m.formula, re.sub(r"[{}]", "", m.text)) for m in rule.mistakes if m.formula is not None]
        parts.append(raw(f'<div class="mistakes">{formulas(*shown)}</div>'))
    return "\n".join(parts)


def operation_section(operation: Operation) -> str:
    """An operation: its lines in order, and how its backward lines follow from the forward ones."""
    stated = [(r.formula, r.name) for r in operation.rules if r.formula is not None]
    parts = [f"### {operation.name[0].upper()}{operation.name[1:]}\n"]
    if stated:
        count = f"{len(operation.forward)} forward, {len(operation.backward)} backward"
        parts.append(details(f"Its lines ({count})", formulas(*stated)))
    if operation.backward:
        try:
            lines = [r.formula for r in operation.forward if r.formula is not None]
            parts.append(details("Its backward lines derived, move by move", article(derivation(lines).board())))
        except FormulaError as error:
            parts.append(f"Its backward lines cannot be derived together: {paragraph(str(error))}.\n")
    return "\n".join(parts)


def page(file: str, found: Mapping[str, Rule]) -> str:
    """The page of a file of rules."""
    module = getattr(rules, file)
    said = inspect.cleandoc(module.__doc__ or file)
    first = re.sub(r"\(.*?\) ?", "", " ".join(said.split("\n\n")[0].split()))
    title = re.split(r"[:.,;]", first)[0].strip()
    parts = [f"# {paragraph(title)}\n", paragraph(said) + "\n", f"File: `rules/{file}.py`\n"]
    made = list(dict.fromkeys(operations_in(module)))
    if made:
        parts.append("## Operations\n")
        parts += [operation_section(operation) for operation in made]
    parts.append("## Rules\n")
    for rule in found.values():
        within = (o for o in ALL if any(file_of(r) == file and r.name == rule.name for r in o.rules))
        families = list(dict.fromkeys(o.name.partition(",")[0] for o in within))
        parts.append(rule_section(rule, families))
    return "\n".join(parts)


def index(files: Mapping[str, Mapping[str, Rule]]) -> str:
    """The list of all pages, with the rules of each."""
    mistakes = sum(len(r.mistakes) for found in files.values() for r in found.values())
    count = sum(map(len, files.values()))
    parts = [
        "# The catalogue of rules\n",
        f"{count} rules in {len(files)} files, with {mistakes} usual mistakes. A page has the lines of its operations, "
        "the derivation of the backward lines, and every rule with its formula, shapes, source and usual mistakes. "
        "The pages are written from the rules that run, when this site is built.\n",
        "How a formula is read: [the language of the index formulas](../formulas.md). How rules are derived: "
        "[rules that derive themselves](../rules.md).\n",
    ]
    named = [file for files_of in CHAPTERS.values() for file in files_of.split()]
    chapters = {title: list_.split() for title, list_ in CHAPTERS.items()}
    chapters["More"] = [file for file in files if file not in named]
    for title, names in chapters.items():
        there = [name for name in names if name in files]
        if not there:
            continue
        parts.append(f"## {title}\n\n| page | rules |\n|---|---|")
        parts += [f"| [](rule-{name}.md) | {', '.join(f'`{r}`' for r in files[name])} |" for name in there]
        parts.append("\n```{toctree}\n:hidden:\n" + "\n".join(f"rule-{name}" for name in there) + "\n```\n")
    return "\n".join(parts)


def write(app: Sphinx) -> None:
    """Writes the pages into docs/catalogue, those that changed; removes those of files that are gone."""
    place = Path(app.srcdir) / "catalogue"
    place.mkdir(exist_ok=True)
    files = by_file()
    pages = {f"rule-{file}.md": page(file, found) for file, found in files.items()} | {"index.md": index(files)}
    for old in place.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, content in pages.items():
        if not (place / name).exists() or (place / name).read_text("utf-8") != content:
            (place / name).write_text(content, "utf-8")


def style(app: Sphinx, exception: Exception | None) -> None:
    """The style sheet of boards, once for all pages."""
    if exception is None and app.builder.format == "html":
        (Path(app.outdir) / "_static" / "board.css").write_text(CSS, "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", write)
    app.connect("build-finished", style)
    app.add_css_file("board.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
