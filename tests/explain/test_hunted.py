"""Faults that were hunted down once, and stay mended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.base.digits import rounded
from chalkgrad.cli.main import main
from chalkgrad.explain.derivation import Derivation
from chalkgrad.formula.nodes import Binary, Number
from chalkgrad.render.blocks import Heading, Listing, Paragraph, Style
from chalkgrad.render.board import Board
from chalkgrad.render.glyphs import glyph
from chalkgrad.render.html import MathML
from chalkgrad.render.latex import escaped


def saturated(layer: cg.Layer, loss: cg.Loss, weight: float) -> cg.Network:
    net = cg.Network([cg.Dense(1), layer], input_shape=1, loss=loss, dtype="float64")
    net.set_parameters(W1=[[weight]], b1=[0.0])
    return net


@pytest.mark.parametrize("weight", [50.0, 800.0, -800.0])
@pytest.mark.parametrize(
    ("layer", "loss"),
    [
        (cg.Sigmoid(), cg.BinaryCrossEntropy(fuse=False)), (cg.Sigmoid(), cg.BinaryCrossEntropy()),
        (cg.Sigmoid(), cg.SquaredError()), (cg.Softplus(), cg.SquaredError()), (cg.SiLU(), cg.SquaredError()),
    ],
)  # fmt: skip
def test_saturated_networks_are_explained(layer: cg.Layer, loss: cg.Loss, weight: float) -> None:
    trace = saturated(layer, loss, weight).trace([[1.0]], [[1.0]])
    for name in trace:
        address = f"{name}[{', '.join('0' * trace[name].ndim)}]" if trace[name].ndim else name
        trace.explain(address).to_text()
    assert trace.explain("dW1[0, 0]").check.agrees
    assert trace.explain("dW1[0, 0]", form="paths").check.agrees


def test_a_column_beside_a_matrix_is_not_taken_for_a_row() -> None:
    sums = cg.Network([cg.Dense(3), cg.Sum()], input_shape=2, loss="SquaredError").derive().to_text()
    assert "dz1 = dy_hat @ ones.T" in sums
    hinge = cg.Network([cg.Dense(3)], input_shape=2, loss="Hinge").derive().to_text()
    assert "dy_hat[n, k] = g1[n, k] - y[n, k] * (sum_j g1[n, j])" in hinge


def test_a_power_of_a_number_with_an_exponent_wears_brackets() -> None:
    assert MathML(Style()).inline(Binary("^", Number(1.5e-5), Number(2.0))).startswith("<msup><mrow><mo>(</mo>")


def test_the_place_of_a_maximum_counts_the_whole_window() -> None:
    layers = [cg.MaxPool2D(3, stride=1, padding="same"), cg.Flatten(), cg.Dense(1)]
    net = cg.Network(layers, input_shape=(1, 3, 3), loss="SquaredError", dtype="float64")
    trace = net.trace(np.arange(9.0).reshape(1, 1, 3, 3), [[0.0]])
    name = next(n for n in trace if n.startswith("win"))
    numbers = trace.explain(f"{name}[0, 0, 0, 0]", terms=3).numbers
    listed = numbers.removeprefix("argmax(").removesuffix(")").split(", ")
    assert len(listed) == 9
    values = [-np.inf if w == "-infinity" else float(w) for w in listed]
    assert int(np.argmax(values)) == int(trace[name][0, 0, 0, 0])


def test_windows_say_how_large_they_are() -> None:
    net = cg.Network([cg.MaxPool2D((2, 3)), cg.Flatten(), cg.Dense(1)], input_shape=(1, 4, 6), loss="SquaredError")
    assert "u < 2, v < 3" in net.derive().to_text()


def test_names_of_layers_are_not_taken_for_averages() -> None:
    assert glyph("v_W1.W").level == "v_W1"
    assert glyph("m_W1").below == "W1"
    assert glyph("a1_2").level == "1.2"


def test_what_cancels_or_is_clipped_in_float32_is_no_disagreement() -> None:
    net = cg.Network([cg.Dense(1), cg.Sigmoid()], input_shape=1, loss=cg.BinaryCrossEntropy(fuse=False))
    net.set_parameters(W1=[[50.0]], b1=[0.0])
    assert net.trace([[1.0]], [[0.0]]).explain("l[0]").check.agrees
    net = cg.Network([cg.Dense(2), cg.LayerNorm()], input_shape=1, loss="SquaredError")
    net.set_parameters(W1=[[3.0, -3.0]])
    assert net.trace([[1.0]], [[0.3, -0.2]]).explain("dW1[0, 0]", form="paths").check.agrees


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


@pytest.mark.parametrize(
    ("value", "digits", "by_hand"), [(0.3925, 3, 0.393), (0.125, 2, 0.13), (2.5, 1, 3.0), (-1.005, 3, -1.01)]
)
def test_a_half_is_rounded_up_as_by_hand(value: float, digits: int, by_hand: float) -> None:
    assert rounded(value, digits) == by_hand


def test_hand_rounding_shows_all_the_digits_that_it_keeps() -> None:
    net = cg.Network([cg.Dense(1), cg.Tanh()], input_shape=1, loss="SquaredError")
    net.set_parameters(W1=[[0.15]], b1=[0.1])
    text = net.trace([[0.7]], [[0.2]]).explain("dW1[0, 0]", hand_rounding=9).to_text()
    assert "0.15000000" not in text
    with pytest.raises(cg.OptionError, match="1 to 15"):
        net.trace([[0.7]], [[0.2]]).explain("dW1[0, 0]", hand_rounding=16)


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


def test_a_script_is_not_left_without_its_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = cg.Network([cg.Dense(40)], input_shape=30, loss="SquaredError")
    net.flat += 0.01
    net.save(tmp_path / "run")
    (tmp_path / "s_weights.npz").mkdir()
    assert main(["write", str(tmp_path / "run"), "--out", str(tmp_path / "s.py")]) == 2
    assert "s_weights.npz is there" in capsys.readouterr().err
    assert not (tmp_path / "s.py").exists()


@pytest.mark.parametrize("name", ["x.pdf", "x.png", "x.docx"])
def test_an_unknown_ending_is_not_filled_with_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main(["explain", "web", "dw1", "--out", str(tmp_path / name)]) == 2
    assert "known: .txt, .md" in capsys.readouterr().err


def test_prose_in_latex() -> None:
    assert (
        escaped("a \u2013 \u201cb\u201d\n\n\x01c \u65e5") == "a - \\textquotedbl{}b\\textquotedbl{} [U+0001]c [U+65E5]"
    )
    board = Board("two\n\nlines", (Heading("a\n\n- b"), Paragraph("c\nd"), Listing("x = 1  # \u03b4\n")))
    assert "two lines" in board.to_latex()
    assert "\u03b4" not in board.to_latex()
    assert "## a - b\n" in board.to_markdown()


@pytest.mark.parametrize("text", [5, None, "1" + "0" * 400, '{"format": 1e999}'])
def test_json_of_any_kind_is_only_a_data_error(text: object) -> None:
    with pytest.raises(cg.DataError):
        Derivation.from_json(text)  # type: ignore[arg-type]


def test_long_paths_and_wide_networks_are_refused_soon() -> None:
    layers = [v for _ in range(150) for v in (cg.Dense(1), cg.Tanh())]
    net = cg.Network(layers, input_shape=1, loss="SquaredError", dtype="float64")
    trace = net.trace([[0.5]], [[0.1]])
    trace.explain("dW1[0, 0]").to_html()
    with pytest.raises(cg.OptionError, match="form='delta'"):
        trace.explain("dW1[0, 0]", form="paths")


def test_scripts_of_saturated_networks_print_no_warning(tmp_path: Path) -> None:
    net = saturated(cg.Sigmoid(), cg.SquaredError(), -800.0)
    (tmp_path / "s.py").write_text(net.source("numpy", [[1.0]], [[1.0]]))
    done = subprocess.run([sys.executable, "-W", "error", str(tmp_path / "s.py")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_a_batch_of_one_value_is_refused_for_pytorch() -> None:
    net = cg.Network([cg.Dense(2), cg.BatchNorm()], input_shape=1, loss="SquaredError")
    with pytest.raises(cg.OptionError, match="two samples or more"):
        net.source("torch", [[1.0]], [[0.0, 1.0]])
