from __future__ import annotations

from pathlib import Path

import pytest

import chalkgrad as cg
from chalkgrad.diagnosis.claims.file import read_claims_file
from chalkgrad.files.toml import parse_toml
from chalkgrad.model.saved import read_toml

WHOLE = """input_shape = 2
loss = "SquaredError"
layers = [{ type = "Dense", units = 2 }]
x = [0.05, 0.10]
y = [0.01, 0.99]
"""
MARK = b"\xef\xbb\xbf"
GIANT = "0x" + "F" * 6000


def test_a_byte_order_mark_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(MARK + WHOLE.encode())
    assert cg.load_example(path).network.input_shape == (2,)
    path.write_bytes(MARK + b"dW1 = [[1.50]]\n")
    assert read_claims_file(path) == {"dW1": [["1.50"]]}
    cg.Network([cg.Dense(2)], input_shape=2, loss="SquaredError").save(tmp_path / "run")
    saved = tmp_path / "run/network.toml"
    saved.write_bytes(MARK + saved.read_bytes())
    assert cg.load(tmp_path / "run").input_shape == (2,)
    saved.write_bytes(saved.read_bytes().replace(b"float32", b"float64"))
    with pytest.raises(cg.CheckpointError, match="not as it was saved"):
        cg.load(tmp_path / "run")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "latin-1"])
def test_another_encoding_is_named(encoding: str) -> None:
    content = (b"\xfe\xff" if encoding == "utf-16-be" else b"") + "# ä\na = 1\n".encode(encoding)
    with pytest.raises(cg.DataError, match="save it as UTF-8"):
        parse_toml(content, "a.toml", cg.DataError)


@pytest.mark.parametrize(
    ("line", "cure"),
    [
        ("loss = CrossEntropy", 'loss = "CrossEntropy"'),
        ("loss = { type = Squared_Error }", 'type = "Squared_Error"'),
        ("layers = [Flatten]", '"Flatten"'),
        ("a = True", "a = true"),
        ("learning_rate = 0,1", "not a comma: 0.1"),
        ("learning_rate = -12,5 # slow", "not a comma: -12.5"),
        ('optimizer = { type = "SGD", learning_rate = 0,1 }', "not a comma: 0.1"),
        ("x = [0,05, 0,10]", "not a comma: 0.05"),
        ("rate = .5", "begins with a digit: 0.5"),
        ("rate = -.5", "begins with a digit: -0.5"),
        ("rate = 5.", "ends with a digit: 5.0"),
        ("loss = “CrossEntropy”", "quotation marks are straight"),
    ],
)
def test_common_slips_are_said_with_their_cure(line: str, cure: str) -> None:
    with pytest.raises(cg.DataError) as raised:
        parse_toml(f"b = 1\n{line}\n".encode(), "a.toml", cg.DataError)
    assert cure in str(raised.value)
    assert "line 2" in str(raised.value)


@pytest.mark.parametrize("line", ['a = "x, 1,5', "a = = 3", "a = 1\na = 2", "[a", 'a = "1,5" b'])
def test_no_cure_is_made_up(line: str) -> None:
    with pytest.raises(cg.DataError) as raised:
        parse_toml(line.encode(), "a.toml", cg.DataError)
    assert ";" not in str(raised.value)


@pytest.mark.parametrize("key", ["learning_rate", "dtype", "l1", "seed", "steps", "optimizer", "title", "input_shape"])
@pytest.mark.parametrize("value", ["{}", "[1, [{}]]", '{{ type = "SGD", momentum = {} }}'])
def test_giant_numbers_are_refused_in_a_few_words(tmp_path: Path, key: str, value: str) -> None:
    kept = "".join(line for line in WHOLE.splitlines(True) if not line.startswith(key))
    (tmp_path / "a.toml").write_text(f"{kept}{key} = {value.format(GIANT)}\n")
    with pytest.raises(cg.ChalkgradError, match="far too large") as raised:
        cg.load_example(tmp_path / "a.toml")
    assert len(str(raised.value)) < 300
    with pytest.raises(cg.ChalkgradError, match="far too large"):
        parse_toml(f"a = {'9' * 6000}".encode(), "a.toml", cg.DataError)


def test_giant_numbers_in_python_are_refused_in_a_few_words() -> None:
    giant = 10**6000
    for make in (
        lambda: cg.Dense(giant),
        lambda: cg.Dense(-giant),
        lambda: cg.Conv2D(3, (giant, giant, 1)),
        lambda: cg.Network([cg.Dense(2)], input_shape=giant, loss="SquaredError"),
        lambda: cg.Network([cg.Dense(2)], input_shape=2, loss="SquaredError", seed=giant),
        lambda: cg.Network([cg.Dense(2)], input_shape=2, loss="SquaredError", dtype=giant),
        lambda: cg.Network([cg.Dense(2)], input_shape=2, loss=giant),
        lambda: cg.Network([cg.Dense(2)], input_shape=2, loss="SquaredError", l2=giant),
        lambda: cg.Network([cg.Dense(2)], input_shape=2, loss="SquaredError").set_parameters({"W1": giant}),
        lambda: cg.Dense(2, weights=giant),
        lambda: cg.SGD(giant),
    ):
        with pytest.raises(cg.ChalkgradError) as raised:
            make()
        assert len(str(raised.value)) < 400


@pytest.mark.parametrize(
    ("below", "key"),
    [
        ("[parameters]\nb1 = [0, 0]\nlearning_rate = 0.1", "learning_rate"),
        ("[parameters]\nb1 = [0, 0]\nsteps = 3", "steps"),
        ('[labels]\nW1 = [["a", "b"], ["c", "d"]]\ntitle = "x"', "title"),
        ('[optimizer]\ntype = "SGD"\nsteps = 3', "steps"),
    ],
)
def test_a_key_below_the_head_of_a_table(tmp_path: Path, below: str, key: str) -> None:
    (tmp_path / "a.toml").write_text(f"{WHOLE}{below}\n")
    head = below.partition("\n")[0]
    with pytest.raises(cg.DataError) as raised:
        cg.load_example(tmp_path / "a.toml")
    assert f"{key} stands below {head}" in str(raised.value)
    assert f"put it above {head}, at the top" in str(raised.value)
    line = next(line for line in below.split("\n") if line.startswith(key))
    (tmp_path / "a.toml").write_text(f"{line}\n{WHOLE}{below.replace(line, '')}\n")
    cg.load_example(tmp_path / "a.toml")  # the cure cures


def test_samples_below_the_head_of_the_last_layer(tmp_path: Path) -> None:
    text = 'input_shape = 2\nloss = "SquaredError"\n[[layers]]\ntype = "Dense"\nunits = 2\nl2 = 0.1\nx = [1, 2]\ny = [1, 2]\n'
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(cg.DataError, match=r"x stands below \[\[layers\]\]"):
        cg.load_example(tmp_path / "a.toml")
    (tmp_path / "n.toml").write_text(text.partition("x =")[0] + "seed = 3\n")
    with pytest.raises(cg.DataError, match=r"seed stands below \[\[layers\]\]"):
        cg.load(tmp_path / "n.toml")


def test_labels_may_name_the_samples(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        f'{WHOLE}[labels]\nx = ["i1", "i2"]\ny = ["t1", "t2"]\n'.replace('["i1", "i2"]', '[["i1", "i2"]]').replace(
            '["t1", "t2"]', '[["t1", "t2"]]'
        )
    )
    assert cg.load_example(tmp_path / "a.toml").labels["x[0, 0]"] == "i1"
    assert read_toml(tmp_path / "a.toml")["labels"]["y"] == [["t1", "t2"]]
