"""What the page computes is what the reference engine computes, and what it opens is what `explain` shows."""

from __future__ import annotations

import importlib
import itertools
import json
import math
import pkgutil
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chalkgrad import Trace, load_example, rules
from chalkgrad.base.address import Address
from chalkgrad.base.digits import significant
from chalkgrad.base.errors import OptionError
from chalkgrad.examples.example import examples
from chalkgrad.page.data import page_data
from chalkgrad.render.html import MathML
from chalkgrad.render.latex import LatexMath
from chalkgrad.rules.rule import Rule
from every_rule import every_rule
from page_node import NODE, pages, run

pytestmark = pytest.mark.skipif(NODE is None, reason="there is no Node.js")
STEPS = 3
TRAIN = """
const out = {};
for (const [name, page] of Object.entries(pages)) {
  const machine = new modules.machine.Machine(page.data, page.functions);
  let given = modules.machine.firstNumbers(page.data);
  out[name] = [];
  for (let step = 0; step < STEPS; step++) {
    const v = machine.run(given);
    out[name].push(Object.fromEntries(Object.entries(v).map(([n, a]) => [n, Array.from(a, String)])));
    given = machine.next(v);
  }
}
give(out);
"""
"""A page goes on from its own numbers; the reference from its own."""


def numbers(texts: list[str]) -> Any:
    return np.array([float(t.replace("Infinity", "inf")) for t in texts])


def assert_same(name: str, trace: Trace, computed: dict[str, list[str]]) -> None:
    assert list(computed) == [n for n in trace.program.values if n in computed] or set(computed) == set(trace)
    for value in trace:
        expected, came = trace[value].ravel().astype(np.float64), numbers(computed[value])
        scale = np.abs(expected).max(initial=1e-3)
        np.testing.assert_allclose(came / scale, expected / scale, rtol=0, atol=1e-12, err_msg=f"{name}: {value}")


def test_every_rule_gives_the_reference_numbers(tmp_path: Path) -> None:
    traces: dict[str, Trace] = {}
    for name, net, x, y, settings in every_rule():
        traces[name] = net.trace(x, y, **{"optimizer": "SGD", **settings})
    seen = {step.rule.name for trace in traces.values() for step in trace.program}
    known = {
        value.name
        for module in pkgutil.iter_modules(rules.__path__)
        for value in vars(importlib.import_module(f"chalkgrad.rules.{module.name}")).values()
        if isinstance(value, Rule)
    }
    assert known - seen <= {"batch_normalise_dx_fixed"}, "only what training never computes"
    found = run(pages({n: page_data(t, n) for n, t in traces.items()}) + TRAIN.replace("STEPS", "1"), tmp_path)
    for name, trace in traces.items():
        assert_same(name, trace, found[name][0])


def test_worked_examples_train_as_the_reference_does(tmp_path: Path) -> None:
    worked = {name: load_example(name) for name in examples()}
    cases = {name: page_data(example.trace(), example.title) for name, example in worked.items()}
    found = run(pages(cases) + TRAIN.replace("STEPS", str(STEPS)), tmp_path)
    for name, example in worked.items():
        for step in range(STEPS):
            assert_same(f"{name}, step {step}", example.trace(step), found[name][step])


OPEN = """
const out = {};
for (const [name, page] of Object.entries(pages)) {
  const machine = new modules.machine.Machine(page.data, page.functions);
  const v = machine.run(modules.machine.firstNumbers(page.data));
  const { Text, MathML, Latex } = modules.mathematics;
  const [text, math, latex] = [new Text(page.data), new MathML(page.data), new Latex(page.data)];
  const opener = new modules.opening.Opener(machine, v);
  const paths = new modules.paths.Paths(machine, v);
  out[name] = asked[name].map(([value, place, form]) => {
    const opening = opener.open(value, place);
    if (!opening) return null;
    const e = form === "paths" ? paths.expression(value, place) : opening.expression;
    return [text.inline(e), math.inline(e), latex.inline(e), text.inline(e, true), String(modules.opening.total(e))];
  });
}
give(out);
"""
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")


FEW = ("web", "cnn", "rnn", "shared")


@pytest.mark.parametrize("names", [FEW, pytest.param(examples(), marks=pytest.mark.long)], ids=["few", "all"])
def test_a_number_opens_as_explain_shows_it(names: tuple[str, ...], tmp_path: Path) -> None:
    traces = {name: load_example(name).trace() for name in names}
    asked: dict[str, list[Any]] = {}
    for name, trace in traces.items():
        asked[name] = []
        for value in trace:
            for place in itertools.islice(np.ndindex(trace[value].shape), 0, None, max(1, trace[value].size // 3)):
                forms = ["delta"] + ["paths"] * (value in trace.program.derivatives and value != "dl")
                asked[name] += [[value, list(place), form] for form in forms]
    script = pages({n: page_data(t, n) for n, t in traces.items()}) + f"const asked = {json.dumps(asked)};" + OPEN
    found = run(script, tmp_path)
    for name, trace in traces.items():
        for (value, place, form), came in zip(asked[name], found[name], strict=True):
            derivation = trace.explain(str(Address(value, tuple(place))), form=form)
            where = f"{name}: {derivation.address}, {form}"
            if derivation.expression is None:
                assert came is None, where
                continue
            symbols, math_text, latex, in_numbers, total = came
            assert symbols == derivation.symbols, where
            assert plain(math_text) == plain(MathML(derivation.settings).inline(derivation.expression)), where
            assert latex == LatexMath(derivation.settings).inline(derivation.expression), where
            assert NUMBER.sub("#", in_numbers) == NUMBER.sub("#", derivation.numbers), where
            shown = [list(map(float, NUMBER.findall(t))) for t in (in_numbers, derivation.numbers)]
            assert shown[0] == pytest.approx(shown[1], rel=1e-5), where
            assert float(total) == pytest.approx(derivation.value, rel=1e-9, abs=1e-15), where


def plain(markup: str) -> str:
    """MathML without the rows that the page adds, so that a number can be pointed at."""
    return re.sub(r"</?mrow[^>]*>", "", markup)


def test_functions_that_javascript_lacks(tmp_path: Path) -> None:
    points = [k / 16 for k in range(-100, 101)] + [-30.0, -27.0, 27.0, 30.0, 1e-9, math.inf, -math.inf, math.nan]
    script = f"""
    const points = {json.dumps([str(p) for p in points])}.map((t) => Number(t.replace("inf", "Infinity")));
    give(points.map((x) => [String(modules.functions.erf(x)), String(modules.functions.erfc(x))]));
    """
    found = run(script, tmp_path)
    for x, (erf, erfc) in zip(points, found, strict=True):
        np.testing.assert_allclose(numbers([erf])[0], math.erf(x), rtol=4e-15, err_msg=f"erf({x})")
        np.testing.assert_allclose(numbers([erfc])[0], math.erfc(x), rtol=2e-13, atol=1e-300, err_msg=f"erfc({x})")


def test_digits_are_printed_as_everywhere(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    values = [float(v) for v in rng.standard_normal(300) * 10.0 ** rng.integers(-12, 13, 300)]
    values += [0.0, -0.0, 1.0, 123456.0, 1234567.0, 12345678.0, 0.0001, 0.00001, 999999.5, 1e21, -1e-300]
    asked = [(v, d) for v in values for d in (1, 3, 6, 9)]
    found = run(f"give({json.dumps(asked)}.map(([v, d]) => modules.digits.significant(v, d)));", tmp_path)
    assert found == [significant(v, d) for v, d in asked]


def test_a_pass_that_is_too_large_is_refused() -> None:
    import chalkgrad as cg

    net = cg.Network([cg.Dense(900)], input_shape=900, loss="SquaredError")
    with pytest.raises(OptionError, match=r"give it fewer samples"):
        net.page(np.zeros((600, 900)), np.zeros((600, 900)))
