"""Rules of the house that can be checked: imports run one way, nothing is pickled, the public face is whole."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import chalkgrad as cg
import house

SOURCE = Path(cg.__file__).parent


@pytest.fixture(scope="module", autouse=True)
def _forgotten() -> Iterator[None]:
    """A quarter of a million nodes of syntax trees, which the garbage collector need not walk through afterwards."""
    yield
    house.tree.cache_clear()


def test_imports_run_one_way() -> None:
    """Those inside functions and for type checkers too: a room knows the floors below it, never one above."""
    assert not [str(arrow) for arrow in house.upward(house.imports(SOURCE))]


def test_each_stage_of_the_compiled_engine_knows_only_those_before_it() -> None:
    inside, stages = "engines.c.", ("schedule", "loops", "print", "run")
    for arrow in house.imports(SOURCE):
        by, of = (name.removeprefix(inside).split(".")[0] for name in (arrow.by, arrow.of))
        if arrow.by.startswith(inside) and by in stages and of in stages:
            assert stages.index(of) <= stages.index(by), str(arrow)


def test_imports_stand_at_the_top_but_for_a_few_by_name() -> None:
    """None is there for type checkers only, which would hide a circle."""
    lazy = {(a.by, a.of) for a in house.imports(SOURCE) if a.lazy and a.by and not a.by.startswith("cli.")}
    assert lazy == set(house.LAZY)


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert not house.circles(house.graph(house.imports(SOURCE)))


def test_names_are_made_in_one_place() -> None:
    """What a value belongs to is a field of it. Formal names, in rules, and names that are only shown are another matter."""
    formal = {"calculus/names.py", "rules/rule.py", "describe/layers/registry.py", "model/backward.py", "testing.py"}
    shown = {"render/mathematics.py", "replay/document_001.py", "replay/web_example.py"}
    assert set(house.surgery(SOURCE)) <= {"program/names.py", *formal, *shown}


def test_nothing_is_pickled_or_evaluated() -> None:
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(house.tree(file)):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [a.name for a in node.names] + [getattr(node, "module", "") or ""]
                assert not {"pickle", "marshal", "shelve", "dill", "joblib"} & set(names), file
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                # what array_code prints from formulas runs; test_array_function holds its names. So does the module of
                # a network's own PyTorch script
                allowed = ("calculus/array_function.py", "write/torch/instance.py")
                assert node.func.id not in ("eval", "exec") or file.relative_to(SOURCE).as_posix() in allowed, file
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant), file
                assert node.value.value is False, file


def test_the_public_face_of_the_design() -> None:
    named = [
        "Dense",
        "Conv2D",
        "MaxPool2D",
        "AvgPool2D",
        "Flatten",
        "Sum",
        "Dropout",
        "BatchNorm",
        "LayerNorm",
        "Sigmoid",
        "Tanh",
        "ReLU",
        "LeakyReLU",
        "ELU",
        "GELU",
        "Softplus",
        "SiLU",
        "Softmax",
        "SquaredError",
        "AbsoluteError",
        "CrossEntropy",
        "BinaryCrossEntropy",
        "Hinge",
        "SGD",
        "RMSProp",
        "AdaGrad",
        "Adam",
        "AdamW",
        "Network",
        "load",
        "data",
    ]
    assert set(named) <= set(cg.__all__)
    assert all(hasattr(cg, name) for name in cg.__all__)
    for name in [
        "parameters",
        "set_parameters",
        "predict",
        "loss",
        "gradients",
        "freeze",
        "trace",
        "check_gradients",
        "fit",
        "evaluate",
        "save",
        "summary",
    ]:
        assert hasattr(cg.Network, name) or name == "parameters"


def public_names() -> dict[str, str]:
    """The public names with their modules, as editors see them; a module of the package has none."""
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    typed = next(n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    return {a.asname or a.name: n.module or "" for n in typed.body if isinstance(n, ast.ImportFrom) for a in n.names}


def test_editors_type_checkers_and_python_see_the_same_names() -> None:
    seen = public_names()
    assert sorted(seen) == sorted(cg.__all__) == sorted(dir(cg))
    for name, module in seen.items():
        asked = getattr(cg, name)  # imports its module when nothing before has
        held = sys.modules[f"chalkgrad.{module}" if module else f"chalkgrad.{name}"]
        assert asked is (getattr(held, name) if module else held), name
        if module and not isinstance(getattr(cg, name), ModuleType):  # a module would hide it from type checkers
            for package in ("chalkgrad", f"chalkgrad.{module}"):
                is_package = hasattr(sys.modules[package], "__path__")
                assert not is_package or importlib.util.find_spec(f"{package}.{name}") is None, name
    assert not hasattr(cg, "Dens")
    assert not hasattr(cg, "__main__")


@pytest.mark.long
def test_every_public_name_can_be_asked_for_first() -> None:
    """One of each module is: what is imported, and in which order, is the same for all of a module's names."""
    first = {module or name: name for name, module in public_names().items()}
    code = f"""
import sys, importlib
for name in {[*first.values()]}:
    for loaded in [m for m in sys.modules if m.partition(".")[0] == "chalkgrad"]:
        del sys.modules[loaded]
    getattr(importlib.import_module("chalkgrad"), name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert not done.returncode, done.stderr


def test_every_public_thing_says_what_it_is() -> None:
    for name in cg.__all__:
        assert (getattr(cg, name).__doc__ or "").strip(), name
