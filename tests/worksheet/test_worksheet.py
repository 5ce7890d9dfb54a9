from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.base.address import Address
from chalkgrad.base.digits import significant
from chalkgrad.base.errors import ChalkgradError
from chalkgrad.diagnosis.rerun import Rerun
from chalkgrad.diagnosis.slips.slip import Slip
from chalkgrad.examples.example import Example, example
from chalkgrad.worksheet import Worksheet, grade, make_worksheet, read_worksheet
from chalkgrad.worksheet.answers import template
from chalkgrad.worksheet.degenerate import closest, faults
from chalkgrad.worksheet.files import sheet_files, solution_files
from chalkgrad.worksheet.noise import without_noise
from chalkgrad.worksheet.own_pass import OwnPass

NAMES = ["web", "two_layers", "cnn", "neuron", "layer", "perceptron", "residual", "shared"]


def web() -> Example:
    return cg.load_example("web")


@pytest.mark.parametrize("seeds", [4, pytest.param(50, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", NAMES)
def test_all_seeds_give_good_numbers(name: str, seeds: int) -> None:
    own = cg.load_example(name)
    seen = set()
    for seed in range(seeds):
        sheet = make_worksheet(own, seed=seed)
        trace = sheet.trace
        seen.add(str(sheet.table["x"]) + str(sheet.table["parameters"]))
        assert not faults(trace, [b.address for b in sheet.blanks], 4, margin=0.25)
        assert trace["x"].shape == own.x.shape
        for parameter, array in sheet.example.network.parameters.items():
            assert array.shape == own.network.parameters[parameter].shape
        for value in [*np.ravel(sheet.example.x), *sheet.example.network.flat]:
            assert round(float(value), 2) == value  # nothing finer than hundredths
        for step in trace.program.part("forward"):
            z = trace[step.inputs[0] or ""]
            if step.rule.name == "relu":
                assert (z.max(axis=0) > 0).all()
                assert np.abs(z).min() > 0.01
            if step.rule.name == "sigmoid":
                assert np.abs(z).max() <= 3
            if step.rule.name == "max_pool2d":
                assert closest(z, step) >= 0.005
        assert all(trace[b.address.name][b.address.place] != 0 for b in sheet.blanks)
    assert len(seen) == seeds


@pytest.mark.parametrize("name", NAMES)
def test_targets_stay_what_they_are(name: str) -> None:
    own = cg.load_example(name)
    for seed in range(5):
        y = make_worksheet(own, seed=seed).example.y
        if name == "cnn":
            assert sorted(y.ravel()) == [0, 1]
        elif name in ("web", "two_layers"):
            assert ((y <= 0.05) | (y >= 0.95)).all()
            assert sorted(y.ravel() > 0.5) == [False, True]
        elif name == "perceptron":
            assert ((y >= 0) & (y <= 1)).all()
        elif name in ("residual", "shared"):
            assert (y * own.y > 0).all()
        else:
            assert not y.any()


def test_a_seed_gives_the_same_sheet_again() -> None:
    one, two = (make_worksheet(web(), seed=11).to_toml() for _ in range(2))
    assert one == two
    assert one != make_worksheet(web(), seed=12).to_toml()


def test_without_a_seed_the_numbers_are_the_examples_own() -> None:
    sheet = make_worksheet(web())
    np.testing.assert_array_equal(sheet.example.network.flat, web().network.flat)
    assert sheet.example.text
    assert not make_worksheet(web(), seed=1).example.text  # it may speak of the old numbers


def test_a_sheets_numbers_are_those_printed_on_it() -> None:
    sheet = make_worksheet(cg.load_example("cnn"))
    assert sheet.example.network.parameters["W1"].ravel()[0] == 1.76405
    assert "1.76405" in sheet.board().to_text()


def names(sheet: Worksheet) -> list[str]:
    return list(dict.fromkeys(b.address.name for b in sheet.blanks))


def test_kinds_and_chosen_blanks() -> None:
    usual = ["dy_hat", "dz2", "dW2", "da1", "dz1", "dW1"]
    assert names(make_worksheet(web())) == [*usual, "W1_new", "W2_new"]
    assert names(make_worksheet(web(), kind="backward")) == usual
    assert names(make_worksheet(web(), kind="gradients")) == ["dW2", "dW1"]
    assert names(make_worksheet(web(), kind="forward")) == ["z1", "a1", "z2", "y_hat"]
    assert names(make_worksheet(web(), kind="loss")) == ["L"]
    assert names(make_worksheet(cg.load_example("perceptron"), kind="loss")) == ["l", "L"]
    assert names(make_worksheet(web(), kind="update")) == ["W1_new", "W2_new"]
    assert len(names(make_worksheet(web(), kind="all"))) == 13
    assert names(make_worksheet(cg.load_example("cnn"))) == ["dW3", "dW2", "dW1"]
    chosen = make_worksheet(web(), blanks=["w1_new", "dW1[0, 1]", "a2", "dw1", "E"], digits=5)
    assert [str(b.address) for b in chosen.blanks] == [
        "y_hat[0, 0]",
        "y_hat[0, 1]",
        "L",
        "dW1[0, 0]",
        "dW1[0, 1]",
        "W1_new[0, 0]",
    ]
    assert names(make_worksheet(web(), blanks=["da1"], kind="loss")) == ["L", "da1"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"blanks": ["dW3"]}, "did you mean"),
        ({"blanks": ["dW1[5, 0]"]}, r"dW1\[0, 0\] to dW1\[1, 1\]"),
        ({"blanks": ["W1"]}, "is given, not computed"),
        ({"blanks": []}, "nothing to leave blank"),
        ({"kind": "bakward"}, "did you mean 'backward'"),
        ({"digits": 1}, "digits must be a whole number"),
        ({"digits": 20}, "2 to 10"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"points": -1.0}, "points must be a number"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ChalkgradError, match=message):
        make_worksheet(web(), **settings)


def test_an_example_that_cannot_be_drawn_says_so() -> None:
    table = {
        "title": "Two outputs that are always the same",
        "input_shape": 1,
        "layers": [{"type": "Dense", "units": 2, "bias": False}],
        "loss": {"type": "SquaredError"},
        "x": [[1.0]],
        "y": [[0.0, 0.0]],
        "parameters": {"W1": [[0.0, 0.0]]},
    }
    with pytest.raises(ChalkgradError, match=r"none of 600 draws with seed 3 .* two outputs are equal"):
        make_worksheet(example(table, "own.toml"), seed=3)


def test_large_networks_need_blanks_to_be_named() -> None:
    net = cg.Network([cg.Dense(20), cg.Tanh(), cg.Dense(1)], input_shape=30, loss="SquaredError", dtype="float64")
    table = net.to_table() | {"x": np.full((1, 30), 0.1).tolist(), "y": [[0.5]]}
    own = example(table, "large")
    assert {b.address.name for b in make_worksheet(own).blanks} == {"dW2", "db2"}, "those of the last layer"
    with pytest.raises(ChalkgradError, match="more than the 400"):
        make_worksheet(own, kind="all")
    assert len(make_worksheet(own, blanks=["dW2"], seed=1).blanks) == 20
    net = cg.Network([cg.Dense(2)], input_shape=30, loss="SquaredError", dtype="float64")
    table = net.to_table() | {"x": np.full((1, 30), 0.1).tolist(), "y": [[0.5, 0.0]]}
    with pytest.raises(ChalkgradError, match="say which to leave blank"):
        make_worksheet(example(table, "wide"))


@pytest.mark.parametrize("name", NAMES)
def test_a_worksheet_is_read_back(name: str, tmp_path: Path) -> None:
    sheet = make_worksheet(cg.load_example(name), seed=4, points=2.5)
    (tmp_path / "worksheet.toml").write_text(sheet.to_toml(), "utf-8")
    again = read_worksheet(tmp_path / "worksheet.toml")
    assert again.to_toml() == sheet.to_toml()
    assert again.points == 2.5 * len(sheet.blanks)
    for value in sheet.trace:
        np.testing.assert_array_equal(again.trace[value], sheet.trace[value])
    assert list(again.words.values()) == list(sheet.words.values())


def test_words_lead_back_to_their_blanks() -> None:
    for name in NAMES:
        sheet = make_worksheet(cg.load_example(name), kind="all")
        assert all(sheet.trace.address(w) == a for a, w in sheet.words.items())
        read = tomllib.loads(template(sheet))
        assert list(read) == ["name", *sheet.words.values()]
        assert set(read.values()) == {""}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("digits = 4", "digit = 4", "there is no key 'digit'; did you mean 'digits'"),
        ("digits = 4", 'digits = "four"', "digits must be a whole number"),
        ('address = "dW1[0, 0]"', 'address = "dW9[0, 0]"', "dW9"),
        ('address = "dW1[0, 0]"', 'address = "dW1[0, 1]"', "left blank twice"),
        ('address = "dW1[0, 0]"', 'address = "W1[0, 0]"', "is given, not computed"),
        ('address = "dW1[0, 0]", points = 1.0', "points = 1.0", "a blank is a table"),
        ("[example]", "[exampel]", "exampel"),
        ('type = "Sigmoid"', 'type = "Sigmoyd"', "did you mean 'Sigmoid'"),
    ],
)
def test_damaged_worksheets_are_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    text = make_worksheet(web(), kind="gradients").to_toml()
    assert old in text
    path = tmp_path / "worksheet.toml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ChalkgradError, match=re.escape(message)) as caught:
        read_worksheet(path)
    assert str(path) in str(caught.value)


def test_a_worked_example_is_no_worksheet(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text((Path(cg.__file__).parent / "examples" / "web.toml").read_text("utf-8"), "utf-8")
    with pytest.raises(ChalkgradError, match="is a worked example"):
        read_worksheet(own)


def shown_numbers(text: str) -> set[str]:
    return set(re.findall(r"-?\d+\.\d+(?:e-?\d+)?", text))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("hints", [False, True])
def test_the_sheet_does_not_tell_its_answers(name: str, hints: bool) -> None:
    sheet = make_worksheet(cg.load_example(name), seed=2, kind="backward")
    shown = shown_numbers(sheet.board(hints=hints).to_text())
    for blank in sheet.blanks:
        value = float(sheet.trace[blank.address.name][blank.address.place])
        if abs(value) > 1e-12 and len(f"{value:.6g}") > 6:
            assert f"{value:.6g}" not in shown, blank
    assert f"blank {len(sheet.blanks)}" in sheet.board().to_text()


def test_a_sheet_gives_what_the_blanks_are_computed_from_and_nothing_behind_them() -> None:
    text = make_worksheet(web(), blanks=["dW1"]).board().to_text()
    known = text.partition("Computed already")[2].partition("Backward pass")[0]
    assert re.findall(r"^(\w+)  ", known, re.MULTILINE)[-1] == "dz1"
    assert "W1_new" not in text
    text = make_worksheet(web(), blanks=["dz2", "dW1"]).board().to_text()
    known = text.partition("Computed already")[2].partition("Backward pass")[0]
    assert "dz1" not in known  # it follows from dz2, which is to be found


def test_hints_show_the_formulas() -> None:
    sheet = make_worksheet(web(), kind="gradients")
    assert "∂E/∂w1 = i1 * ∂E/∂net_h1" in sheet.board(hints=True).to_text()
    assert "i1 * " not in sheet.board().to_text()


def test_the_solution_has_every_answer() -> None:
    sheet = make_worksheet(web(), seed=7, kind="all")
    text = sheet.solution().to_text()
    for place, blank in enumerate(sheet.blanks, start=1):
        assert f"Blank {place}:" in text
        assert significant(float(sheet.trace[blank.address.name][blank.address.place])) in text


def test_the_notebook_is_nbformat_4() -> None:
    sheet = make_worksheet(web(), seed=7)
    read = json.loads(sheet_files(sheet)["worksheet.ipynb"])
    assert (read["nbformat"], read["nbformat_minor"]) == (4, 5)
    assert set(read) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    ids = [c["id"] for c in read["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in read["cells"]:
        wanted = {"cell_type", "id", "metadata", "source"}
        if cell["cell_type"] == "code":
            wanted |= {"execution_count", "outputs"}
            assert cell["outputs"] == []
            compile("".join(cell["source"]), cell["id"], "exec")
        assert set(cell) == wanted
        assert all(line.endswith("\n") for line in cell["source"][:-1])
    answers = next("".join(c["source"]) for c in read["cells"] if c["id"] == "answers")
    assert all(f"{json.dumps(w)}: " in answers for w in sheet.words.values())


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is missing")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("web", "all"), ("cnn", "backward"), ("shared", None)),
        *(pytest.param(*more, marks=pytest.mark.long) for more in (("perceptron", None), ("residual", "all"))),
    ],
)
def test_the_latex_compiles(name: str, kind: str | None, tmp_path: Path) -> None:
    sheet = make_worksheet(cg.load_example(name), seed=3, kind=kind)
    files = sheet_files(sheet, ["latex"], hints=True) | solution_files(sheet, ["latex"])
    for file in ("worksheet.tex", "solution.tex"):
        (tmp_path / file).write_text(files[file], "utf-8")
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", file], cwd=tmp_path, capture_output=True
        )
        assert done.returncode == 0, done.stdout.decode("latin-1")[-1500:]


def test_the_files_of_a_sheet() -> None:
    sheet = make_worksheet(web())
    assert set(sheet_files(sheet, ["html"])) == {"worksheet.html", "answers.toml", "worksheet.toml"}
    assert set(solution_files(sheet, ["html"])) == {"solution.html", "tests/worksheet.py"}
    assert "solution.md" in solution_files(sheet, ["notebook"])


@pytest.mark.parametrize("name", ["web", "two_layers", "cnn", "perceptron", "residual", "shared"])
def test_no_file_of_the_students_tells_an_answer(name: str) -> None:
    sheet = make_worksheet(cg.load_example(name), seed=2, kind="backward")
    told = {f"{float(sheet.trace[b.address.name][b.address.place]):.6g}" for b in sheet.blanks}
    told = {number for number in told if len(number) > 6}
    for file, text in sheet_files(sheet, hints=True).items():
        assert not told & shown_numbers(text), file
    assert told & shown_numbers(solution_files(sheet, ["markdown"])["solution.md"])


HOSTILE = "Sheet \x07 \x1b[2J \u202e \x7f\n\"\"\" $$ \\end{verbatim} </script> | ]] ''' \u2028 # 1"


def test_any_title_and_label_is_written_right_in_every_format(tmp_path: Path) -> None:
    table = web().network.to_table() | {
        "title": HOSTILE,
        "text": HOSTILE,
        "x": web().x.tolist(),
        "y": web().y.tolist(),
        "learning_rate": 0.5,
        "labels": {"W1": [["name", "@w"], ["-1", "\u05d0'"]], "L": "E"},
    }
    sheet = make_worksheet(example(table, "hostile"))
    files = sheet_files(sheet, hints=True) | solution_files(sheet)
    for file, text in files.items():
        if file != "worksheet.toml":
            assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e\u2028]", text), file
        text.encode()
    assert list(tomllib.loads(files["answers.toml"])) == ["name", *sheet.words.values()]
    assert tomllib.loads(files["worksheet.toml"])["title"] == HOSTILE
    (tmp_path / "worksheet.toml").write_text(files["worksheet.toml"], "utf-8")
    assert read_worksheet(tmp_path / "worksheet.toml").title == HOSTILE
    cells = json.loads(files["worksheet.ipynb"])["cells"]
    space: dict[str, Any] = {}
    exec("".join(next(c["source"] for c in cells if c["id"] == "answers")), space)
    assert list(space["answers"]) == ["name", *sheet.words.values()]
    compile(files["tests/worksheet.py"], "tests/worksheet.py", "exec")
    assert "</script>" not in files["worksheet.html"]


def test_classes_are_drawn_as_classes_and_softmax_sheets_work() -> None:
    table: dict[str, Any] = {
        "title": "Three classes",
        "input_shape": [1, 4, 4],
        "layers": [
            {"type": "Conv2D", "filters": 2, "kernel": 2},
            {"type": "ReLU"},
            {"type": "MaxPool2D", "window": 2, "stride": 1},
            {"type": "Flatten"},
            {"type": "Dense", "units": 3},
            {"type": "Softmax"},
        ],
        "loss": {"type": "CrossEntropy"},
        "x": (np.arange(32).reshape(2, 1, 4, 4) % 7 / 10).tolist(),
        "y": [2, 0],
        "optimizer": {"type": "SGD", "learning_rate": 0.1, "momentum": 0.9},
    }
    sheet = make_worksheet(example(table, "classes"), seed=1, blanks=["dz2", "dW1", "db2", "dz1"])
    assert (sheet.example.y.sum(axis=1) == 1).all()
    assert set(sheet.example.y.ravel()) == {0, 1}
    assert sheet.solution().to_text()
    everything = make_worksheet(example(table, "classes"), kind="forward")
    assert not {"m2", "e2", "s2", "win1", "f1"} & set(names(everything))


def test_own_pass_without_anything_of_its_own_is_the_pass() -> None:
    trace = web().trace()
    own = OwnPass(trace)
    for name in own.order.steps:
        np.testing.assert_allclose(own.result(name), trace[name], rtol=1e-15)
    held = OwnPass(trace, {"dz2": np.array([[1.0, np.nan]])}).value("dz2")
    assert held[0, 0] == 1
    assert held[0, 1] == trace["dz2"][0, 1]
    assert all(a != b for a, b in itertools.pairwise(map(Address, own.order.steps)))


def deep(layers: int) -> Example:
    """A network whose program is longer than Python's stack."""
    table = {
        "input_shape": 2,
        "loss": {"type": "SquaredError"},
        "layers": [{"type": "Dense", "units": 2}, {"type": "Tanh"}] * layers,
        "x": [0.1, 0.2],
        "y": [0.1, 0.2],
    }
    return example(table, "deep")


def test_a_pass_longer_than_the_stack_is_gone_through() -> None:
    own = deep(200)
    sheet = make_worksheet(own, blanks=["dW1[0, 0]"])
    assert "Blank 1" in sheet.solution().to_text()
    trace = sheet.trace
    other = OwnPass(trace, {"a1": 2 * trace["a1"]})
    np.testing.assert_array_equal(OwnPass(trace).result("dW1"), trace["dW1"])
    assert other.result("y_hat").shape == (1, 2)
    run = Rerun(trace.program, trace)
    step = trace.program["a1"]
    nothing = Slip("a1", step, "left at 0", 1.0, ("z1",), lambda z: 0 * z)
    changed = run.run([nothing], ["y_hat", "dW1", "x"])
    assert (changed["dW1"] == 0).sum() == 0
    np.testing.assert_array_equal(changed["x"], trace["x"])
    again = run.run([Slip("a1", step, "as it is", 1.0, ("z1",), np.tanh)], ["dW1"])
    np.testing.assert_allclose(again["dW1"], trace["dW1"], rtol=1e-12)


OPTIMIZERS: list[dict[str, Any]] = [
    {"type": "SGD", "learning_rate": 0.5, "momentum": 0.9},
    {"type": "SGD", "learning_rate": 0.5, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    {"type": "RMSProp", "learning_rate": 0.01},
    {"type": "AdaGrad", "learning_rate": 0.1},
    {"type": "Adam", "learning_rate": 0.01},
    {"type": "AdamW", "learning_rate": 0.01, "weight_decay": 0.1},
    {"type": "Adam", "learning_rate": 0.01, "weight_decay": 0.1, "clip_norm": 0.2},
]


def by(optimizer: dict[str, Any]) -> Example:
    """The 2-2-2 network with another optimizer."""
    table = web().network.to_table() | {"x": web().x.tolist(), "y": web().y.tolist(), "optimizer": optimizer}
    table["parameters"] = {n: a.tolist() for n, a in web().network.parameters.items()}
    return example(table, "by")


def name_of(optimizer: dict[str, Any]) -> str:
    return f"{optimizer['type']}{' momentum' * ('momentum' in optimizer)}{' Nesterov' * ('nesterov' in optimizer)}"


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=name_of)
def test_a_sheet_says_all_of_its_optimizer(optimizer: dict[str, Any]) -> None:
    own = by(optimizer)
    first = make_worksheet(own, blanks=["W1_new"])
    said = " ".join(first.board().to_text().split())
    assert "step t = 1" in said
    assert re.search(r"Before it (\w_W1, )*\w_W1 (is|are) 0\.", said)
    later = make_worksheet(own, blanks=["W1_new"], step=3)
    drawn = make_worksheet(own, seed=3, blanks=["W1_new"])
    for sheet, step in ((later, 3), (drawn, 2)):
        text = sheet.board().to_text()
        assert f"step t = {step} of {optimizer['type']}" in " ".join(text.split())
        for setting, value in optimizer.items():
            if setting not in ("type", "nesterov"):
                assert f"{value:g}" in text.partition("The update is")[2].partition("\n\n")[0]
        state = sheet.example.optimizer_state
        assert state
        for name in state:
            assert np.abs(state[name]).min() > 0
            if name.endswith("W1"):
                assert re.search(rf"\n{name} .*\[\[", text)  # its numbers are given
        assert "W1_new = W1 - " in text
        assert grade(sheet, {str(a): f"{sheet.trace[a.name][a.place]:.5g}" for a in sheet.words}).score == sheet.points
        notebook = json.loads(sheet_files(sheet)["worksheet.ipynb"])
        assert any("_W1 = np.array" in "".join(c["source"]) for c in notebook["cells"])
    again = example(tomllib.loads(later.to_toml()), "again")
    np.testing.assert_array_equal(again.trace()["W1_new"], later.trace["W1_new"])
    np.testing.assert_allclose(later.trace["W1_new"], own.trace(after=2)["W1_new"], atol=2e-6)
    assert make_worksheet(own, seed=3, blanks=["dW1"]).example.steps_before == 0  # nothing is asked of the update


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps_before": 2}, "lacks v_W1, v_W2"),
        ({"optimizer_state": {"v_W1": [[1.0, 2.0]]}}, r"v_W1 has shape \(1, 2\), expected \(2, 2\)"),
        ({"optimizer_state": {"v_W3": [[1.0, 2.0]]}}, "did you mean 'v_W"),
        ({"optimizer_state": 1}, "must be a table"),
        ({"steps_before": -1}, "steps_before must be a whole number"),
        ({"optimizer": {"type": "SGD"}, "optimizer_state": {"v_W1": [[1.0]]}}, "carries nothing"),
    ],
)
def test_an_optimizers_state_that_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    table = web().network.to_table() | {"x": web().x.tolist(), "y": web().y.tolist(), "optimizer": OPTIMIZERS[0]}
    with pytest.raises(ChalkgradError, match=message):
        example(table | changes, "own")
    with pytest.raises(ChalkgradError, match="step must be a whole number"):
        make_worksheet(by(OPTIMIZERS[0]), step=0)


def rectified(activation: str, units: int, samples: int) -> Example:
    layers = [{"type": "Dense", "units": units}, {"type": activation}, {"type": "Dense", "units": 1}]
    rng = np.random.default_rng(0)
    table = {
        "input_shape": 2, "loss": {"type": "SquaredError"}, "layers": layers, "seed": 1, "learning_rate": 0.1,
        "x": rng.uniform(-1, 1, (samples, 2)).round(2).tolist(), "y": rng.uniform(-1, 1, (samples, 1)).round(2).tolist(),
    }  # fmt: skip
    return example(table, "rectified")


@pytest.mark.parametrize("seeds", [range(1), pytest.param(range(1, 5), marks=pytest.mark.long)])
@pytest.mark.parametrize(("activation", "units", "samples"), [("ReLU", 5, 1), ("ReLU", 3, 4), ("LeakyReLU", 4, 3)])
def test_some_relus_of_a_drawn_sheet_are_off_and_most_are_on(
    activation: str, units: int, samples: int, seeds: range
) -> None:
    own = rectified(activation, units, samples)
    for seed in seeds:
        sheet = make_worksheet(own, seed=seed, kind="gradients")
        z = sheet.trace["z1"]
        assert 1 <= np.count_nonzero(z < 0) < z.size / 2
        assert np.abs(z).min() > 0.01
        assert (z > 0).any(axis=1).all()
        if samples > 1:
            assert (z > 0).any(axis=0).all()
        assert ("A ReLU is off where its input is below 0" in " ".join(sheet.board().to_text().split())) == (
            activation == "ReLU"
        )
        right = {str(a): f"{sheet.trace[a.name][a.place]:.5g}" for a in sheet.words}
        assert grade(sheet, right).score == sheet.points
        zeros = [a for a in right if float(right[a]) == 0]
        assert bool(zeros) == (activation == "ReLU" and samples == 1)  # of a unit that is off in its only sample
        assert all(grade(sheet, {**right, a: "0.0004"}).marks[list(right).index(a)].verdict == "wrong" for a in zeros)


def test_what_is_0_but_for_rounding_is_given_as_0() -> None:
    table = web().network.to_table() | {"x": [[0.1, 0.2, 0.3]], "y": [[0.6, 0.5]], "input_shape": 3}
    weights = [[1.0, 0.5], [1.0, 0.5], [-1.0, 1e-9]]
    table["parameters"] = {"W1": weights, "b1": [0.0, 0.0]}
    sheet = make_worksheet(example(table, "noise"), kind="backward")
    raw = sheet.example.trace()["z1"]
    assert 0 < abs(raw[0, 0]) < 1e-15
    assert sheet.trace["z1"][0, 0] == 0
    assert sheet.trace["z1"][0, 1] == raw[0, 1]  # nothing else is touched
    np.testing.assert_allclose(sheet.trace["dW1"], sheet.example.trace()["dW1"], rtol=1e-12)
    for text in (sheet.board().to_text(), sheet.solution().to_text(), sheet.solution().to_latex()):
        assert not re.search(r"e-1[5-9]|10\^\{-1[5-9]\}", text)
    small = without_noise(example(table | {"x": [[1e-20, 3e-25, 0.0]]}, "small").trace())
    assert small["z1"][0, 0] == pytest.approx(1e-20)  # small is no noise
