"""What a graph of lines may not be, and what is said of it: in Python, in TOML and on the command line."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main

Dense, ReLU, Add, Multiply, Concat, Residual = cg.Dense, cg.ReLU, cg.Add, cg.Multiply, cg.Concat, cg.Residual
IMAGE = (2, 4, 4)


def network(layers: Any, shape: Any = 3) -> cg.Network:
    net = cg.Network(layers, input_shape=shape, loss=cg.SquaredError(), dtype="float64")
    net.program.verify()
    return net


ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no such line": (
        lambda: network([Dense(3, name="left"), Dense(3), Add("Left")]), cg.UnknownNameError,
        "layer 3, Add: there is no earlier line 'Left'; did you mean 'left'?",
    ),
    "no such value": (
        lambda: network([Dense(3), ReLU(), Dense(3), Add("a2")]), cg.UnknownNameError,
        "layer 4, Add: there is no earlier line 'a2'; known: x, z1, a1, z2",
    ),
    "of no such line": (
        lambda: network([Dense(3), Dense(3, of="q"), Add("z1")]), cg.UnknownNameError,
        "layer 2, Dense: there is no earlier line 'q'; known: x, z1",
    ),
    "a line of a block that is not there": (
        lambda: network([Residual([Dense(3, of="nope")])]), cg.UnknownNameError,
        "layer 1, Dense: there is no earlier line 'nope'; known: x",
    ),
    "no target": (
        lambda: network([Dense(3), Add("y")]), cg.UnknownNameError,
        "layer 2, Add: there is no earlier line 'y'; known: x, z1",
    ),
    "later": (
        lambda: network([Dense(3, name="a"), Dense(3), Add("b"), Dense(3, name="b")]), cg.OptionError,
        "layer 3, Add: 'b' (layer 4, Dense) comes later; a line takes what earlier lines give",
    ),
    "itself": (
        lambda: network([Dense(3), Dense(3, name="a", of="a")]), cg.OptionError,
        "layer 2, Dense 'a': 'a' (layer 2, Dense) is this line itself; a line takes what earlier lines give",
    ),
    "the block it is in": (
        lambda: network([Residual([Dense(3), Add("block")], name="block")]), cg.OptionError,
        "layer 2, Add: 'block' (layer 3, Add) comes later; a line takes what earlier lines give",
    ),
    "sizes that do not add": (
        lambda: network([Dense(3, name="a"), Dense(4), Add("a")]), cg.ShapeError,
        "layer 3, Add: (N, 4) of layer 2, Dense (fixed by layer 2, Dense) and (N, 3) of layer 1, Dense 'a' (fixed by "
        "layer 1, Dense 'a') do not go together; they must have the same shape",
    ),
    "sizes that were fixed before": (
        lambda: network([Dense(4, name="a"), ReLU(), Dense(5), cg.Tanh(), Multiply("a1")]), cg.UnknownNameError,
        "layer 5, Multiply: there is no earlier line 'a1'",
    ),
    "sizes that were fixed long before": (
        lambda: network([Dense(4), ReLU(), Dense(5), cg.Tanh(), Multiply("a1")]), cg.ShapeError,
        "layer 5, Multiply: (N, 5) of layer 4, Tanh (fixed by layer 3, Dense) and (N, 4) of layer 2, ReLU (fixed by "
        "layer 1, Dense) do not go together; they must have the same shape",
    ),
    "the input does not add": (
        lambda: network([Dense(4), Add("x")]), cg.ShapeError,
        "layer 2, Add: (N, 4) of layer 1, Dense (fixed by layer 1, Dense) and (N, 3) of the input 'x' (fixed by "
        "input_shape=(3,)) do not go together; they must have the same shape",
    ),
    "a block that changes its size": (
        lambda: network([Dense(4), Residual([Dense(8), ReLU()])]), cg.ShapeError,
        "layer 4, Add: (N, 8) of layer 3, ReLU (fixed by layer 2, Dense) and (N, 4) of layer 1, Dense (fixed by layer "
        "1, Dense) do not go together; they must have the same shape; a Residual adds what it takes to what its last "
        "layer gives",
    ),
    "an image beside a row": (
        lambda: network([cg.Conv2D(2, 2), cg.Flatten(), Concat("z1")], IMAGE), cg.ShapeError,
        "layer 3, Concat: (N, 18) of layer 2, Flatten (fixed by layer 2, Flatten) and (N, 2, 3, 3) of layer 1, Conv2D "
        "(fixed by layer 1, Conv2D) do not go together; they must have as many axes",
    ),
    "images of different size": (
        lambda: network([cg.Conv2D(2, 2), Concat("x")], IMAGE), cg.ShapeError,
        "layer 2, Concat: (N, 2, 3, 3) of layer 1, Conv2D (fixed by layer 1, Conv2D) and (N, 2, 4, 4) of the input 'x' "
        "(fixed by input_shape=(2, 4, 4)) do not go together; they must have the same sizes, the channels aside",
    ),
    "images with other channels do not add": (
        lambda: network([cg.Conv2D(3, 1), Add("x")], IMAGE), cg.ShapeError,
        "(N, 3, 4, 4) of layer 1, Conv2D (fixed by layer 1, Conv2D) and (N, 2, 4, 4) of the input 'x'",
    ),
    "nobody uses it": (
        lambda: network([Dense(3, name="a"), Dense(3, of="x")]), cg.OptionError,
        "layer 1, Dense 'a': nobody uses what it gives; let another layer take it, of='a', or leave it out",
    ),
    "nobody uses a nameless line": (
        lambda: network([Dense(3), ReLU(), Dense(3, of="z1")]), cg.OptionError,
        "layer 2, ReLU: nobody uses what it gives; let another layer take it, of='a1', or leave it out",
    ),
    "nobody uses what does nothing": (
        lambda: network([Dense(3), cg.Dropout(0.0), Dense(3, of="z1")]), cg.OptionError,
        "layer 2, Dropout: nobody uses what it gives; leave it out",
    ),
    "nobody uses a block": (
        lambda: network([Residual([Dense(3)], name="block"), Dense(3, of="x")]), cg.OptionError,
        "layer 2, Add 'block': nobody uses what it gives; let another layer take it, of='block', or leave it out",
    ),
    "nobody uses a line of a block": (
        lambda: network([Residual([Dense(3, name="i"), Dense(3, of="x")])]), cg.OptionError,
        "layer 1, Dense 'i': nobody uses what it gives; let another layer take it, of='i', or leave it out",
    ),
    "of a number": (
        lambda: Dense(3, of=3), cg.OptionError,
        "Dense: of is the name of an earlier line, or a list of names, not 3",
    ),
    "of nothing": (
        lambda: Dense(3, of=[]), cg.OptionError,
        "Dense: of is an empty list; leave it out to take what the line before gives",
    ),
    "of an empty name": (
        lambda: Dense(3, of=""), cg.OptionError, "Dense: of is the name of an earlier line, or a list of names, not ''"
    ),
    "of None in a list": (
        lambda: Add(of=["x", None]), cg.OptionError,
        "Add: of is the name of an earlier line, or a list of names, not ('x', None)",
    ),
    "of two for one": (
        lambda: Dense(3, of=["a", "b"]), cg.OptionError,
        "Dense takes one value, not ('a', 'b'); combine several by Add, Multiply or Concat",
    ),
    "others None in a list": (
        lambda: Concat(["x", None]), cg.OptionError,
        "Concat: others is the name of an earlier line, or a list of names, not ('x', None)",
    ),
    "others a layer": (
        lambda: Add(Dense(3)), cg.OptionError, "; give that layer a name, Dense(..., name='a'), and write 'a'"
    ),
    "others one by one": (
        lambda: Add("a", "b"), TypeError, "Add takes several names as a list, Add(['a', 'b'])"
    ),
    "one value": (
        lambda: Add(), cg.OptionError, "Add takes the line before and another: name it, Add('a')"
    ),
    "one value, which it names": (
        lambda: Concat(of="x"), cg.OptionError, "Concat takes the line before and another: name it, Concat('a')"
    ),
    "five values": (
        lambda: Add(["x"] * 4), cg.OptionError, "Add takes 4 values at most; put a second Add after it"
    ),
    "five values by of": (
        lambda: Concat(["x", "x"], of=["x", "x", "x"]), cg.OptionError,
        "Concat takes 4 values at most; put a second Concat after it",
    ),
    "three factors": (
        lambda: Multiply(["x", "x"]), cg.OptionError,
        "Multiply takes 2 values at most; put a second Multiply after it",
    ),
    "no layers": (
        lambda: Residual([]), cg.OptionError,
        "Residual takes a list of layers, Residual([Dense(8), ReLU()]), not ()",
    ),
    "a layer, not a list": (
        lambda: Residual(ReLU()), cg.OptionError, "Residual takes a list of layers, Residual([Dense(8), ReLU()]), not ReLU("
    ),
    "a class in a block": (
        lambda: Residual([Dense(3), ReLU]), cg.OptionError, "is no layer; write ReLU(...)"
    ),
    "a word in a block": (
        lambda: Residual(["ReLU"]), cg.OptionError, "Residual: 'ReLU' is no layer"
    ),
    "a block of two values": (
        lambda: Residual([Dense(3)], of=["a", "b"]), cg.OptionError,
        "Residual takes one value, not ('a', 'b'); combine several by Add, Multiply or Concat",
    ),
    "weights of no line": (
        lambda: network([Dense(3, name="tokens"), Dense(3, weights_of="token")]), cg.UnknownNameError,
        "layer 2, Dense: there is no earlier line with weights 'token'; did you mean 'tokens'?",
    ),
    "weights of a nameless line": (
        lambda: network([Dense(3), Dense(3, weights_of="W1")]), cg.UnknownNameError,
        "layer 2, Dense: there is no earlier line with weights 'W1'; none are known; name the line that owns them, "
        "Dense(..., name='first')",
    ),
    "weights of a later line": (
        lambda: network([Dense(3, weights_of="b"), Dense(3, name="b")]), cg.OptionError,
        "layer 1, Dense: weights_of='b' comes later; the first line owns the weights",
    ),
    "weights of itself": (
        lambda: network([Dense(3, name="b", weights_of="b")]), cg.OptionError,
        "layer 1, Dense 'b': weights_of='b' is this line itself; the first line owns the weights",
    ),
    "weights of a line without": (
        lambda: network([Dense(4), ReLU(name="r"), Dense(4, weights_of="r")]), cg.OptionError,
        "layer 3, Dense: weights_of='r' is layer 2, ReLU 'r'; it must be a Dense with weights W",
    ),
    "weights of another kind": (
        lambda: network([cg.Conv2D(2, 2, name="c"), cg.Flatten(), Dense(18, weights_of="c")], IMAGE), cg.OptionError,
        "layer 3, Dense: weights_of='c' is layer 1, Conv2D 'c'; it must be a Dense with weights W",
    ),
    "weights of a normalisation": (
        lambda: network([cg.BatchNorm(name="n"), Dense(3, weights_of="n")]), cg.OptionError,
        "layer 2, Dense: weights_of='n' is layer 1, BatchNorm 'n'; it must be a Dense with weights W",
    ),
    "weights of another size": (
        lambda: network([Dense(4, name="a"), Dense(5), Dense(3, weights_of="a")]), cg.ShapeError,
        "layer 3, Dense needs weights of shape (5, 3) or (3, 5), but a.W of layer 1, Dense 'a' has (3, 4); take a layer "
        "of its own, or let the sizes agree",
    ),
    "square weights of another size": (
        lambda: network([Dense(4, name="a"), Dense(4, weights_of="a")]), cg.ShapeError,
        "layer 2, Dense needs weights of shape (4, 4), but a.W of layer 1, Dense 'a' has (3, 4)",
    ),
    "kernels of another size": (
        lambda: network([cg.Conv2D(2, 1, name="a"), cg.Conv2D(2, 2, weights_of="a")], IMAGE), cg.ShapeError,
        "layer 2, Conv2D needs weights of shape (2, 2, 2, 2), but a.W of layer 1, Conv2D 'a' has (2, 2, 1, 1)",
    ),
    "weights of a number": (
        lambda: Dense(3, weights_of=1), cg.OptionError, "Dense: weights_of is the name of an earlier line, not 1"
    ),
    "weights of another line and a penalty": (
        lambda: Dense(3, weights_of="a", l2=0.1), cg.OptionError,
        "Dense: weights, l1 and l2 belong to the line that weights_of names",
    ),
    "a name twice": (
        lambda: network([Dense(3, name="a"), Residual([Dense(3)], name="A")]), cg.OptionError,
        "layer 3, Add 'A': the name 'A' is taken by an earlier layer",
    ),
    "a derivative's name": (
        lambda: network([Dense(3, name="h"), Dense(3), Add("h", name="dh")]), cg.OptionError,
        "layer 3, Add 'dh': values of the layer 'dh' would be called like derivatives or other values of 'h'; choose "
        "another name",
    ),
    "the input's name": (
        lambda: network([Dense(3, name="x"), Dense(3), Add("x")]), cg.OptionError,
        "layer 3, Add: 'x' is layer 1, Dense 'x', and an input too; give the layer another name",
    ),
    "a value's name": (
        lambda: network([Dense(3), ReLU(name="z1"), Dense(3), Add("z1")]), cg.OptionError,
        "layer 4, Add: 'z1' is layer 2, ReLU 'z1', and what layer 1, Dense gives too; give the layer another name",
    ),
    "a later value's name": (
        lambda: network([Dense(3, name="z2"), Dense(3), Dense(3, of="z2"), Add("z2")]), cg.OptionError,
        "layer 3, Dense: 'z2' is layer 1, Dense 'z2', and what layer 2, Dense gives too; give the layer another name",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("build", "kind", "message"), ERRORS.values(), ids=ERRORS)
def test_errors_name_the_lines_and_the_cure(build: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=re.escape(message)) as caught:
        build()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("layer", [Dense(3), cg.Conv2D(1, 1), cg.BatchNorm(), cg.LayerNorm()], ids=lambda v: v.kind)
def test_one_object_is_one_line(layer: Any) -> None:
    shape = (1, 2, 2) if isinstance(layer, cg.Conv2D) else 3
    for layers in ([layer, layer], [Residual([layer]), layer], [layer, ReLU(), Residual([Residual([layer])])]):
        with pytest.raises(cg.OptionError, match=rf"is the same {layer.kind} object as layer 1: .* again") as caught:
            network(layers, shape)
        assert ("weights_of" in str(caught.value)) == isinstance(layer, cg.Dense | cg.Conv2D)


def test_one_object_without_parameters_may_be_many_lines() -> None:
    relu, skip = ReLU(), Add("x")
    net = network([relu, Dense(3), relu, skip, relu, skip, Residual([relu]), Residual([relu])])
    assert net.check_gradients([[0.1, -0.2, 0.3]], [[0.5, 0.1, 0.2]])


NAMES = ["y", "y_hat", "L", "l", "clock", "s2", "a_from_z2", "da_from_z2", "h_new", "dh", "t", "lr", "W1", "L_data",
         "g1", "N", "a2_2", "first", "x2", "dx", "m_W1", "v_W1", "running_mu1"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_of_values_are_names_of_lines_too(name: str) -> None:
    """Whatever a line is called: the values keep apart, and the gradients are right."""
    x, y = [[0.3, -0.2, 0.7], [0.1, 0.8, -0.4]], [[0.5, 0.1, 0.2], [0.0, 0.4, 0.9]]
    for layers in (
        [Dense(3, name=name), ReLU(), Dense(3), Add(name), Dense(3)],
        [Dense(3), cg.Tanh(name=name), Dense(3), Add(name), Dense(3)],
        [Dense(3), cg.Tanh(), Dense(3), Add("a1", name=name), cg.Tanh(), Multiply(name), Dense(3)],
        [Dense(3, name=name), Residual([cg.BatchNorm(), Dense(3, weights_of=name), cg.Tanh()], of=name), Dense(3)],
    ):
        net = network(layers)
        for optimizer in (cg.SGD(0.1, momentum=0.9), cg.Adam(), cg.AdaGrad()):
            net.updated_by(optimizer).verify()
        assert net.check_gradients(x, y)
        trace = net.trace(x, y)
        shares = [step.output for step in trace.program if step.value.role == "share"]
        assert shares
        assert all(trace.explain(f"{share}[0, 0]").check.agrees for share in shares)


WHOLE = 'input_shape = 3\nloss = "SquaredError"\nx = [[0.1, 0.2, 0.3]]\ny = [[0.5, 0.1, 0.2]]\n'
FIRST = '{ type = "Dense", units = 3, name = "first" }'
FILES: dict[str, tuple[str, str]] = {
    "no such line": (
        '{ type = "Add", others = "frist" }', "layer 2, Add: there is no earlier line 'frist'; did you mean 'first'?"
    ),
    "later": ('{ type = "Add", of = ["first", "b"] }, { type = "ReLU", name = "b" }', "'b' (layer 3, ReLU) comes later"),
    "shapes": ('{ type = "Dense", units = 2 }, { type = "Add", others = "x" }', "(N, 3) of the input 'x'"),
    "nobody uses it": ('{ type = "Dense", units = 3, of = "x" }', "layer 1, Dense 'first': nobody uses what it gives"),
    "one value": ('{ type = "Add" }', "Add takes the line before and another: name it, Add('a')"),
    "misspelt": ('{ type = "Add", other = "x" }', "Add has no setting 'other'; did you mean 'others'?"),
    "misspelt of": ('{ type = "Add", off = "x" }', "Add has no setting 'off'; did you mean 'of'?"),
    "misspelt weights_of": (
        '{ type = "Dense", units = 3, weight_of = "first" }', "Dense has no setting 'weight_of'; did you mean 'weights_of'?"
    ),
    "of a number": ('{ type = "ReLU", of = 1 }', "ReLU: of is the name of an earlier line, or a list of names, not 1"),
    "of a table": ('{ type = "ReLU", of = { a = 1 } }', "ReLU: of is the name of an earlier line"),
    "of nothing": ('{ type = "ReLU", of = [] }', "ReLU: of is an empty list"),
    "no layers": ('{ type = "Residual" }', "Residual takes a list of layers"),
    "empty layers": ('{ type = "Residual", layers = [] }', "Residual takes a list of layers"),
    "a table, not a list": (
        '{ type = "Residual", layers = { type = "ReLU" } }', "Residual takes a list of layers, Residual([Dense(8), ReLU()])"
    ),
    "a number in a block": ('{ type = "Residual", layers = [3] }', "a layer needs a type, one of Dense"),
    "unknown in a block": (
        '{ type = "Residual", layers = [{ type = "Residual", layers = [{ type = "Dens", units = 3 }] }] }',
        "there is no layer 'Dens'; did you mean 'Dense'?",
    ),
    "misspelt in a block": (
        '{ type = "Residual", layers = [{ type = "Dense", unit = 3 }] }', "Dense has no setting 'unit'; did you mean 'units'?"
    ),
    "misspelt layers": (
        '{ type = "Residual", layer = ["ReLU"] }', "Residual has no setting 'layer'; did you mean 'layers'?"
    ),
    "layers of no block": (
        '{ type = "Dense", units = 3, layers = ["ReLU"] }', "Dense has no setting 'layers'; known: name, of, units"
    ),
    "too deep": (
        '{ type = "Residual", layers = [' * 40 + '"ReLU"' + "] }" * 40, "Residual: blocks lie in blocks more than 32 deep"
    ),
    "far too deep": ('{ type = "Residual", layers = [' * 2000 + '"ReLU"' + "] }" * 2000, "nested too deeply"),
}  # fmt: skip


@pytest.mark.parametrize(("more", "message"), FILES.values(), ids=FILES)
def test_files_are_refused_in_one_line(
    more: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.toml"
    path.write_text(f"{WHOLE}layers = [{FIRST}, {more}]\n")
    assert main(["derive", str(path)]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert err.startswith("chalkgrad derive: ")
    assert err.count("\n") == 1
    assert "Traceback" not in out + err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f'of = "x"\n{WHOLE}layers = [{FIRST}]\n', "there is no key 'of'"),
        (
            WHOLE.replace('"SquaredError"', '{ type = "SquaredError", of = "x" }') + f"layers = [{FIRST}]\n",
            "SquaredError has no setting 'of'",
        ),
        (f'{WHOLE}layers = [{FIRST}]\n[optimizer]\ntype = "SGD"\nof = "x"\n', "SGD has no setting 'of'"),
    ],
)
def test_of_belongs_to_a_layer(text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.toml"
    path.write_text(text)
    assert main(["derive", str(path)]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
