from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main
from chalkgrad.explain.derivation import Derivation

EXAMPLE = """
title = "Two by two"
input_shape = 2
loss = { type = "SquaredError", scale = 0.5 }
layers = [{ type = "Dense", units = 2 }, "Sigmoid"]
x = [0.05, 0.10]
y = [0.01, 0.99]
learning_rate = 0.5
steps = 3

[parameters]
W1 = [[0.15, 0.25], [0.20, 0.30]]
b1 = [0.35, 0.35]

[labels]
W1 = [["w1", "w2"], ["w3", ""]]
L = "E"
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.toml").write_text(EXAMPLE)


def shown(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    assert main(list(command)) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    try:
        code = main(list(command))
    except SystemExit as end:
        code = int(str(end.code))
    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert said.err.count("\n") == 1, said.err
    return said.err


def test_explain_lists_what_can_be_opened(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, "explain", "own.toml")
    assert "Two by two" in out
    assert "[drawing: Neurons of a 2-2 network" in out
    assert "W1_new  2 x 2   [[0." in out
    assert "[[w1, w2], [w3, -]]" in out


def test_explain_in_every_format(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = shown(capsys, "explain", "own.toml", "dw1")
    assert "∂E/∂w1 = x[0, 0] * ∂E/∂z1[0, 0]" in text
    assert r"\frac{\partial E}{\partial w_{1}}" in shown(capsys, "explain", "own.toml", "dw1", "--format", "latex")
    assert shown(capsys, "explain", "own.toml", "dw1", "--format", "markdown").startswith("# ∂E/∂w1 = ")
    again = Derivation.from_json(shown(capsys, "explain", "own.toml", "dw1", "--format", "json"))
    assert again.to_text() == text
    assert shown(capsys, "explain", "own.toml", "dw1", "--out", "w1.html") == "written: w1.html\n"
    assert (tmp_path / "w1.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    shown(capsys, "explain", "own.toml", "dw1", "--out", "w1.tex")
    assert (tmp_path / "w1.tex").read_text("utf-8").startswith(r"\documentclass")


def test_explain_with_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    base = ("explain", "own.toml", "dW1[0, 0]")
    assert "\ndW1[0, 0] = x[0, 0] * dz1[0, 0]\n" in shown(capsys, *base, "--no-labels")
    assert "∂y_hat[0, 0]/∂z1[0, 0]" in shown(capsys, *base, "--form", "paths")
    assert " = 0.05 * " in shown(capsys, *base, "--style", "short").splitlines()[5]
    assert "rounded to 3 significant digits" in shown(capsys, *base, "--hand-rounding", "3")
    assert "Not opened here:" in shown(capsys, *base, "--steps", "2")
    first, later = shown(capsys, *base), shown(capsys, *base, "--after", "3")
    assert first != later
    example = cg.load_example("own.toml")
    assert f"{example.trace(3)['dW1'][0, 0]:.6g}" in later
    np.testing.assert_array_equal(example.train().flat, example.train(3).flat)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("explain",), "FILE.toml"),
        (("explain", "nothing.toml"), "nothing.toml cannot be read: No such file"),
        (("explain", "wbe"), "did you mean 'web'?"),
        (("explain", "own.toml", "dW3[0, 0]"), "did you mean 'dW1'?"),
        (("explain", "own.toml", "dW1[5, 0]"), "dW1[0, 0] to dW1[1, 1]"),
        (("explain", "own.toml", "w9"), "there is no value or label 'w9'"),
        (("explain", "own.toml", "dw1", "--form", "pats"), "did you mean 'paths'?"),
        (("explain", "own.toml", "dw1", "--precision", "x"), "invalid int value"),
        (("explain", "own.toml", "dw1", "--precision", "99"), "1 to 17"),
        (("explain", "own.toml", "dw1", "--formt", "html"), "--format"),
        (("explain", "own.toml", "dw1", "--after", "-1"), "steps must be a whole number"),
        (("explain", "own.toml", "dw1", "--out", "no/where.html"), "no/where.html cannot be written"),
        (("explain", "own.toml", "z1[0, 0]", "--form", "paths"), "take dz1[0, 0]"),
        (("derive", "nothing.toml"), "cannot be read"),
        (("write", "own.toml", "--to", "keras"), "invalid choice: 'keras'"),
        (("write", "own.toml", "--steps", "-1"), "steps"),
        (("draw", "cnn", "--kind", "neurons"), "has no neurons"),
        (("draw", "own.toml", "--out", "x.png"), "ends in .svg"),
        (("draw", "own.toml", "--kind", "graph", "--batch", "0"), "batch"),
        (("replay", "004"), "there is no replay '004'"),
    ],
)
def test_bad_commands_are_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...], message: str
) -> None:
    assert message in refused(capsys, *command)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title = ", "titel = ", "there is no key 'titel'; did you mean 'title'?"),
        ('title = "Two by two"', "title = 3", "title must be text"),
        ("y = [0.01, 0.99]", "", "lacks y"),
        ("y = [0.01, 0.99]", "y = [[0.01]]", "the targets have shape"),
        ("x = [0.05, 0.10]", 'x = ["a", "b"]', "x must hold numbers"),
        ("x = [0.05, 0.10]", "x = [nan, 1.0]", "x holds NaN or infinity"),
        ("x = [0.05, 0.10]", "x = [[1.0], [1.0, 2.0]]", "x must hold numbers in rows of equal length"),
        ("W1 = [[0.15, 0.25], [0.20, 0.30]]", "W1 = [[0.15, 0.25]]", "W1 has shape (2, 2)"),
        ("W1 = [[0.15, 0.25], [0.20, 0.30]]", "W9 = 1", "there is no parameter 'W9'"),
        ("learning_rate = 0.5", 'learning_rate = "fast"', "learning_rate must be a number"),
        ("learning_rate = 0.5", 'learning_rate = 0.5\noptimizer = "Adam"', "not both"),
        ("steps = 3", "steps = 0.5", "steps must be a whole number"),
        ('L = "E"', 'Q = "E"', "there is no value 'Q'"),
        ('L = "E"', 'L = "w1"', "'w1' is given to W1[0, 0] and to L"),
        ('["w3", ""]]', '["w3"]]', "labels of W1 must be text in rows of shape (2, 2)"),
        ("[labels]", "labels = 3\n[nonsense]", "there is no key 'nonsense'"),
        ('"Sigmoid"]', '"Sigmoyd"]', "did you mean 'Sigmoid'?"),
        ("title = ", "title = = ", "is no TOML file"),
    ],
)
def test_bad_worked_examples_are_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in EXAMPLE
    (tmp_path / "own.toml").write_text(EXAMPLE.replace(old, new))
    said = refused(capsys, "explain", "own.toml", "dw1")
    assert message in said
    assert "own.toml" in said


def test_a_whole_value_shows_its_elements(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = shown(capsys, "explain", "own.toml", "dW1")
    lines = [line.split("  ") for line in text.split("\n") if line.startswith("dW1[")]
    assert [line[0] for line in lines] == ["dW1[0, 0]", "dW1[0, 1]", "dW1[1, 0]", "dW1[1, 1]"]
    trace = cg.load_example("own.toml").trace()
    for (row, column), line in zip(np.ndindex(2, 2), lines, strict=True):
        assert f"{trace['dW1'][row, column]:.6g}" in "  ".join(line)
    assert "dW[i,o] = sum_n x[n,i] * dz[n,o]" in text
    hint = text.rstrip().rpartition("chalkgrad ")[2]
    assert shown(capsys, *shlex.split(hint)) == shown(capsys, "explain", "own.toml", "dW1[0, 0]")
    (tmp_path / "my own.toml").write_text(EXAMPLE)
    hint = shown(capsys, "explain", "my own.toml", " dW1 ").rstrip().rpartition("chalkgrad ")[2]
    assert "= " in shown(capsys, *shlex.split(hint))
    few = shown(capsys, "explain", "own.toml", "dW1", "--steps", "3", "--precision", "12")
    assert "1 more are not shown" in few
    assert f"{trace['dW1'][1, 0]:.12g}" in few
    assert "∂" in shown(capsys, "explain", "own.toml", "dW1", "--form", "paths", "--format", "html")
    assert "given" in shown(capsys, "explain", "own.toml", "W1")
    assert "the paths form opens" in refused(capsys, "explain", "own.toml", "z1", "--form", "paths")
    assert "steps must be" in refused(capsys, "explain", "own.toml", "dW1", "--steps", "0")


def test_derive(capsys: pytest.CaptureFixture[str]) -> None:
    assert "y_hat = 1 / (1 + exp(-z1))" in shown(capsys, "derive", "own.toml")
    with_numbers = shown(capsys, "derive", "own.toml", "--numbers", "--update")
    assert "[[0.15, 0.25], [0.2, 0.3]]" in with_numbers
    assert "W1_new = W1 - lr * ∂E/∂W1" in with_numbers
    found = json.loads(shown(capsys, "derive", "own.toml", "--format", "json"))
    assert any(block.get("address") == "dW1" for block in found["blocks"])


def test_a_saved_network_is_derived_written_and_drawn(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    net = cg.Network([cg.Dense(40), cg.ReLU(), cg.Dense(3), cg.Softmax()], input_shape=30, loss="CrossEntropy", seed=3)
    net.flat += 0.01  # as if it were trained
    net.save("run")
    assert "a1 = max(z1, 0)" in shown(capsys, "derive", "run")
    assert "x and y; run has none" in refused(capsys, "derive", "run", "--numbers")
    assert "base64.b64decode" in shown(capsys, "write", "run")
    assert "written: by_hand_weights.npz\nwritten: by_hand.py\n" in shown(capsys, "write", "run", "--out", "by_hand.py")
    assert (tmp_path / "by_hand_weights.npz").exists()
    done = subprocess.run([sys.executable, "by_hand.py"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("step 0: L = ")
    ET.fromstring(shown(capsys, "draw", "run", "--kind", "layers"))
    assert "more than the 8" in refused(capsys, "draw", "run", "--kind", "neurons")
    assert shown(capsys, "draw", "run") == shown(capsys, "draw", "run/network.toml", "--kind", "layers")


def test_write_prints_the_losses_of_the_network(capsys: pytest.CaptureFixture[str]) -> None:
    shown(capsys, "write", "own.toml", "--out", "own.py")
    done = subprocess.run([sys.executable, "own.py"], capture_output=True, text=True, check=True)
    example = cg.load_example("own.toml")
    losses = [example.train(k).loss(example.x, example.y) for k in range(4)]
    assert done.stdout.split() == [w for k, v in enumerate(losses) for w in ("step", f"{k}:", "L", "=", repr(v))]
    page = shown(capsys, "write", "own.toml", "--format", "markdown")
    assert "```python" in page


@pytest.mark.parametrize("kind", ["neurons", "layers", "graph"])
def test_draw(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    root = ET.fromstring(shown(capsys, "draw", "own.toml", "--kind", kind, "--batch", "32"))
    words = " ".join(root.itertext())
    assert {"neurons": "w1", "layers": "Dense", "graph": "32 x 2"}[kind] in words


def test_replay(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, "replay", "002")
    assert "18 figures: 14 the same, 4 explained by a mistake" in out
    assert "w_4" in out
    wrong = shown(capsys, "replay", "002", "--only-wrong")
    assert "w_4" not in wrong
    assert "W_2 is not transposed" in wrong
    assert "0.14976095, 0.1995219, 0.24969829, 0.29939658" in wrong
    table = json.loads(shown(capsys, "replay", "web", "--format", "json"))
    assert any("0.291027924" in str(block) for block in table["blocks"])


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m chalkgrad replay 003 | head -1"
    env = {**os.environ, "PYTHONWARNINGS": "error"}
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=env, cwd=tmp_path)
    assert done.stdout == "Worked examples, replayed\n"
    assert done.stderr == ""


def test_a_training_that_is_lost_is_not_explained_as_another_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lost.toml").write_text(
        'input_shape = 1\nlayers = [{ type = "Dense", units = 1 }]\nloss = "SquaredError"\nx = [1.0]\ny = [0.0]\n'
        "learning_rate = 10.0\n[parameters]\nW1 = [[1.0]]\nb1 = [1.0]\n"
    )
    assert main(["explain", "lost.toml", "L", "--after", "200"]) == 2
    assert "the training is lost after" in capsys.readouterr().err
    assert main(["explain", "lost.toml", "L", "--after", "2"]) == 0
    assert "After 2 updates." in capsys.readouterr().out


BASE = 'input_shape = 1\nlayers = [{{ type = "Dense", units = 1 }}]\nloss = "SquaredError"\nx = {x}\ny = [0.0]\n{more}'


@pytest.mark.parametrize(
    ("x", "more", "message"),
    [
        ("0.5", "", "x must be rows of numbers"), ('"words"', "", "x must be rows of numbers"),
        ("[1.0]", '[labels]\n"W1[0, 0]" = "L"', "is the name of a value"),
        ("[1.0]", '[labels]\n"W1[0, 0]" = "a1"', ""), ("[1.0]", '[labels]\n"W1[0, 0]" = "z1"', "is the name of a value"),
        ("[1.0]", '[labels]\n"W1[0, 0]" = "dL"', "is the name of a value"),
        ("[1.0]", '[labels]\n"W1[0, 0]" = "w"\n"b1[0]" = "dw"', "the derivative of 'w'"),
        ("[1.0]", '[labels]\n"W1[0, 0]" = ""', "must be a word"), ("[1.0]", '[labels]\n"W1[0, 0]" = "w 1"', "must be a word"),
        ("[1.0]", '[labels]\nW1 = [["w"]]\n"W1[0, 0]" = "u"', "has two, 'w' and 'u'"),
        ("[1.0]", '[labels]\n"W1[2, 0]" = "u"', "labels: W1[2, 0] is outside"),
    ],
)  # fmt: skip
def test_bad_samples_and_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], x: str, more: str, message: str
) -> None:
    file = tmp_path / "e.toml"
    file.write_text(BASE.format(x=x, more=more))
    code = main(["explain", str(file), "L"])
    if not message:
        assert code == 0
        return
    said = capsys.readouterr().err
    assert code == 2
    assert message in said


def test_absurd_sizes_and_long_words_are_refused_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "e.toml"
    huge = f'[{{ type = "Conv2D", filters = 1, kernel = 1{"0" * 400}, padding = "same" }}]'
    file.write_text(f'input_shape = [1, 4, 4]\nlayers = {huge}\nloss = "SquaredError"\n')
    assert main(["derive", str(file)]) == 2
    assert "far too large" in capsys.readouterr().err
    file.write_text(BASE.format(x="[1.0]", more='[labels]\n"' + "W" * 5000 + '" = "u"'))
    assert main(["explain", str(file)]) == 2
    assert len(capsys.readouterr().err) < 700


@pytest.mark.parametrize("name", ["x.pdf", "x.png", "x.docx"])
def test_an_unknown_ending_is_not_filled_with_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main(["explain", "web", "dw1", "--out", str(tmp_path / name)]) == 2
    assert "known: .txt, .md" in capsys.readouterr().err
