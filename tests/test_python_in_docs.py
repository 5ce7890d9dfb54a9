"""The Python in the README and the docs runs, page by page, and prints what stands there."""

from __future__ import annotations

import contextlib
import doctest
import importlib.util
import io
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.describe.layers import Activation, registry

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCED = re.compile(
    r"(?:<!-- needs (?P<need>[^>]+) -->\n)?```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<output>.*?)```)?", re.DOTALL
)
PRINTS = re.compile(r"# prints (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of Python on a page: the line it begins in, the code, what it prints (None: not shown), what it needs."""

    line: int
    code: str
    output: str | None
    need: str | None


def blocks(text: str) -> Iterator[Block]:
    """The page's blocks of Python, in order. A block of text right after one, or its comments `# prints`, is its output."""
    for found in FENCED.finditer(text):
        comments = PRINTS.findall(found["code"])
        output = "".join(f"{line}\n" for line in comments) if comments else found["output"]
        yield Block(text[: found.start("code")].count("\n") + 1, found["code"], output, found["need"])


def missing(need: str | None) -> bool:
    """Whether what a block needs is not on this machine: a C compiler, or a module by its name."""
    if need == "a C compiler":
        return not any(map(shutil.which, ("cc", "gcc", "clang")))
    return need is not None and importlib.util.find_spec(need) is None


def run(block: Block, names: dict[str, Any], where: str) -> str:
    """What the block prints; `names` are those of the page so far."""
    caught = io.StringIO()
    with contextlib.redirect_stdout(caught):
        # as many lines before it as on the page, so that a traceback has the page's line
        exec(compile("\n" * (block.line - 1) + block.code, where, "exec"), names)
    return caught.getvalue()


def session(block: Block, names: dict[str, Any], where: str) -> None:
    """Runs a block of lines with >>> and compares every output.

    Raises:
        doctest.DocTestFailure: where one differs.
    """
    test = doctest.DocTestParser().get_doctest(block.code, names, where, where, block.line - 1)
    doctest.DebugRunner(verbose=False).run(test, clear_globs=False)
    names.update(test.globs)


def run_page(name: str, text: str) -> list[str]:
    """Runs every block in one namespace, in the directory of the moment; the needs of blocks that were left out."""
    names: dict[str, Any] = {"__name__": "__main__"}
    left_out: list[str] = []
    for block in blocks(text):
        where = f"{name}, block in line {block.line}"
        if block.need is not None and missing(block.need):
            left_out.append(block.need)
        elif block.code.startswith(">>>"):
            session(block, names, where)
        else:
            printed = run(block, names, where)
            assert block.output is None or printed == block.output, where
    return left_out


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, id=page.name) for page in PAGES if any(blocks(page.read_text("utf-8")))],
)
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_OUTSIDE", dict(registry._OUTSIDE))  # a page's layers are gone after it
    if left_out := run_page(page.name, page.read_text("utf-8")):
        pytest.skip(f"all blocks run but those that need {', '.join(left_out)}")


@pytest.mark.parametrize(
    "wrong",
    [
        "```python\nprint(1)\n```\n\n```text\n2\n```\n",
        "```python\nprint(1)  # prints 2\n```\n",
        "```python\n>>> 1 + 1\n3\n```\n",
        "```python\nx = 1\n```\n\n```python\nprint(x)  # prints 2\n```\n",
        "```python\nprint(nowhere)\n```\n",
    ],
)
def test_a_wrong_page_is_found_out(wrong: str) -> None:
    with pytest.raises((AssertionError, doctest.DocTestFailure, NameError)):
        run_page("page.md", wrong)


def test_a_right_page_passes() -> None:
    page = (
        "```python\n>>> x = 1\n>>> x + 1\n2\n```\n\n```python\nprint(x)\n```\n\n```text\n1\n```\n"
        "<!-- needs no_such_module -->\n```python\nimport no_such_module\n```\n\n```python\nprint(x)  # prints 1\n```\n"
    )
    assert run_page("page.md", page) == ["no_such_module"]


def test_the_rule_of_contributing_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file of a rule stands beside the others, and its layer trains."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    file, layer = (re.sub("(?m)^   ", "", code) for code in re.findall(r"   ```python\n(.*?)   ```", text, re.DOTALL))
    (tmp_path / "hard_tanh.py").write_text(file, "utf-8")
    module = _loaded("chalkgrad.rules.hard_tanh", tmp_path / "hard_tanh.py", monkeypatch)
    z = np.array([[-2.0, -0.5, 0.25, 3.0]])
    np.testing.assert_array_equal(module.hard_tanh(z), module.hard_tanh.formula.evaluate({"z": z}, {}))
    names: dict[str, Any] = {"rules": ModuleType("rules"), "Activation": Activation, "Operation": object}
    names["rules"].hard_tanh = module
    exec("from dataclasses import dataclass\n" + layer, names)
    net = cg.Network([cg.Dense(3), names["HardTanh"]()], input_shape=4, loss=cg.SquaredError(), seed=0)
    assert net.check_gradients(z, np.zeros((1, 3))).passed


def _loaded(name: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module
