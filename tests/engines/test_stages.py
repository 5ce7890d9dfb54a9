"""The compiled engine's stages: each can be looked at, and leaves the language to the last."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.engines.c.__main__ import main
from chalkgrad.engines.c.loops import ir, phases
from chalkgrad.engines.c.print.printer import Lines, Printer, braced
from chalkgrad.engines.c.schedule import arrangement, buffers, channels, plan, products, request
from chalkgrad.engines.c.show import STAGES, show
from chalkgrad.formula.nodes import Binary, Node, Symbol

MACHINE = products.Machine(16, 16, 8, 16)


def request_of(net: cg.Network, batch: int) -> request.Request:
    program = net.updated_by(cg.SGD())
    carried = [*net.parameters, *net.states]
    return request.training_request(program, carried, batch, 1, "L", "a training", net.dtype)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_can_be_looked_at(stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--show", stage, "cnn"])
    shown = capsys.readouterr().out
    assert "W1[o,c,u,v]" in shown
    if stage in ("statements", "plan"):
        assert max(map(len, shown.splitlines())) <= 100


@pytest.mark.long
def test_a_saved_network_can_be_looked_at(tmp_path: Path) -> None:
    cg.Network([cg.Dense(3)], input_shape=2, loss="SquaredError").save(tmp_path / "saved")
    command = [sys.executable, "-m", "chalkgrad.engines.c", "--show", "statements"]
    shown = subprocess.run([*command, str(tmp_path / "saved")], capture_output=True, text=True, check=True, timeout=120)
    assert "sum_i x[n,i] * W1[i,o] + b1[o]" in shown.stdout


def test_what_is_neither_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--show", "statements", "no-such"])
    assert "no-such" in capsys.readouterr().err


def test_tiles_are_shown() -> None:
    net = cg.Network([cg.Dense(64), cg.ReLU(), cg.Dense(10), cg.Softmax()], input_shape=100, loss="CrossEntropy")
    asked = request_of(net, 32)
    assert "tiles of" in show("plan", asked, MACHINE)
    assert "z1_tile(R, C, b1, W1, x, z1, n, o): a tile of z1[n,o]" in show("loops", asked, MACHINE)


class JavaScriptPrinter(Printer):
    """The intermediate form as JavaScript, as far as plans without tiles and dropout need it."""

    index_kind = "let"

    def literal(self, value: float) -> str:
        return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(str(value), f"({value!r})")

    def call(self, name: str, arguments: Sequence[str]) -> str:
        return f"real.{name}({', '.join(arguments)})"

    def quotient(self, of: str, by: int) -> str:
        return f"Math.floor({of} / {by})"

    def cell(self, cell: ir.Cell) -> str:
        row = "" if cell.row is None else f"[{self.integer(cell.row)}]"
        ahead = "" if cell.ahead is None else f" + {self.integer(cell.ahead)}"
        return f"{'T.' if cell.of_state else ''}{cell.array}{row}[{self.integer(cell.place)}{ahead}]"

    def number(self, node: Node) -> str:
        if isinstance(node, Binary) and node.operator == "^":
            return f"Math.pow({self.number(node.left)}, {self.number(node.right)})"
        return super().number(node)

    def special(self, node: Node) -> str:
        match node:
            case Symbol(name=name):
                return {"N": "N", "lr": "T.rate", "t": "T.t", "clock": "T.clock"}[name]
            case ir.Counted(index=index):
                return f"({self.integer(index)})"
            case ir.Double(body=body):
                return self.number(body)
            case ir.Unordered(left=left, right=right):
                return f"Number.isNaN({self.number(left)} + {self.number(right)})"
            case _:
                raise NotImplementedError(node)

    def own(self, instruction: ir.Instruction) -> Lines:
        match instruction:
            case ir.Declare(name=name, value=value, fixed=fixed):
                return [f"{'const' if fixed else 'let'} {name} = {self.value(value)};"]
            case ir.DeclareConstant(name=name, value=value):
                return [f"const {name} = {self.number(value)};"]
            case ir.DeclareArrays(arrays=arrays):
                return [f"const {name} = new Float64Array({size});" for name, (size,) in arrays]
            case ir.Bind(name=name, value=value, place=place, begin=begin):
                begin = begin or "0"
                if value.layout is None:
                    return [f"const {name} = T.{'part_' if value.home == 'part' else ''}numbers.subarray({place});"]
                if value.home == "given":
                    return [f"const {name} = T.{name}.slice({begin});"]
                first = f"{place} + {begin} * {value.layout.size}" if value.home == "batch" else str(place)
                return [f"const {name} = T.{value.home}.subarray({first});"]
            case ir.Chunks(body=body):
                rows = "const rows = Math.min(CHUNK, end - begin);"
                return braced("for (let begin = first; begin < end; begin += CHUNK)", [rows, *self.code(body)])
            case ir.Everything(size=size, body=body):
                return braced("", [f"const first = 0, last = {size};", *self.code(body)])
            case ir.Share(count=count, unit=unit, size=size):
                return [f"const first = 0, last = {size or count * unit};"]
            case ir.Clear(name=name, count=count):
                return [f"{name}.fill(0, 0, {count or 1});"]
            case ir.Copy(to=to, array=array, count=count):
                return [f"{to.array}.set({array}.subarray(0, {count}), {self.integer(to.place)});"]
            case _:
                raise NotImplementedError(instruction)

    def routine(self, routine: ir.Routine) -> str:
        names = ", ".join(p.name for p in routine.parameters)
        return "\n".join(braced(f"function {routine.name}({names})", self.code(routine.body)))


FUNCTIONS = """
const real = {exp: Math.exp, log: Math.log, tanh: Math.tanh, sqrt: Math.sqrt, abs: Math.abs, sign: Math.sign,
  max: (a, b) => a < b ? b : a, min: (a, b) => a > b ? b : a, square: a => a * a, cube: a => a * a * a,
  power_1_5: a => a * Math.sqrt(a), pow: Math.pow, expm1: Math.expm1,
  softplus: a => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a)))};
const PARTS = 1;
"""
NETWORKS = {
    "dense": ([cg.Dense(40), cg.Tanh(), cg.LayerNorm(), cg.Dense(3), cg.Softmax()], (20,), "CrossEntropy"),
    "normalised": ([cg.Dense(5), cg.BatchNorm(), cg.Sigmoid(), cg.Dense(2)], (3,), "SquaredError"),
    "image": (
        [cg.Conv2D(3, 3, padding=1), cg.ReLU(), cg.MaxPool2D(2), cg.Conv2D(2, 2), cg.ELU(), cg.AvgPool2D(2), cg.Flatten(),
         cg.Dense(2)], (2, 8, 8), "SquaredError",
    ),
}  # fmt: skip


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js")
@pytest.mark.parametrize("name", NETWORKS)
def test_another_language_is_a_small_class(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Three steps in JavaScript, printed from the same loop nests, give the reference engine's parameters."""
    for module in (products, arrangement, channels):
        monkeypatch.setattr(module, "LEAST", 10**12)  # no tiles
    layers, shape, loss = NETWORKS[name]
    net = cg.Network(layers, input_shape=shape, loss=loss, dtype="float64", seed=1)
    rng = np.random.default_rng(2)
    x = rng.standard_normal((6, *shape))
    y = rng.standard_normal((6, *net.output_shape)) if loss == "SquaredError" else np.eye(3)[rng.integers(0, 3, 6)]
    asked = request_of(net, len(x))
    made = plan.plan(asked, MACHINE)
    lowered = phases.lower(made, asked)
    memory, printer = lowered.memory, JavaScriptPrinter()
    carried, before = np.zeros(memory.sizes["carried"]), net.flat.copy()
    values = {**net.parameters, **net.states}
    for value, array in values.items():
        buffers.store(carried, memory.places[value], made.layouts[value], array)
    sizes = {
        "numbers": 99,
        "part_numbers": 99,
        **{home: memory.sizes[home] for home in ("batch", "chunk", "part", "own")},
    }
    state = ", ".join(f"{home}: new Float64Array({size})" for home, size in sizes.items())
    given = {"x": x.reshape(len(x), -1).tolist(), "y": y.tolist(), "carried": carried.tolist()}
    passed = {"rows": "T, 0, 0, 0, N, N", "update": "T, 0, 0, N"}
    calls = [f"  {routine}({passed.get(routine.split('_')[0], 'T, 0, N')});" for routine in lowered.phases]
    script = [
        FUNCTIONS,
        f"const CHUNK = {made.chunk}, PART_SIZE = {memory.sizes['part']}, NUMBERS = {max(memory.sizes['numbers'], 1)};",
        *(printer.routine(routine) for pieces in lowered.phases.values() for routine in pieces),
        f"const given = {json.dumps(given)}, N = {len(x)};",
        f"const T = {{...given, carried: Float64Array.from(given.carried), rate: 0.1, t: 1, clock: 1, {state}}};",
        "for (let s = 0; s < 3; s++) {",
        *calls,
        "}",
        "console.log(JSON.stringify(Array.from(T.carried)));",
    ]
    file = tmp_path / "steps.js"
    file.write_text("\n".join(script))
    done = subprocess.run(["node", str(file)], capture_output=True, text=True, timeout=60)
    assert not done.returncode, done.stderr
    found = np.array(json.loads(done.stdout))
    net.fit(x, y, optimizer=cg.SGD(0.1), batch_size=6, max_steps=3, engine="numpy", shuffle=False)
    assert np.abs(net.flat - before).max() > 1e-3
    for value, array in {**net.parameters, **net.states}.items():
        own = np.empty(array.shape)
        buffers.fetch(found, memory.places[value], made.layouts[value], own)
        np.testing.assert_allclose(own, array, rtol=1e-10, atol=1e-12, err_msg=value)
