"""Arrays given to read: pixels, channels, masks, digits that a dtype does not hold; every cure is tried."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.base.errors import DataWarning
from chalkgrad.cli.main import main
from chalkgrad.data import digits, read_npz

RNG = np.random.default_rng(3)
Y = np.arange(40) % 4


def archive(path: Path, **arrays: Any) -> cg.data.Dataset:
    np.savez(path / "d.npz", **arrays)
    return read_npz(path / "d.npz")


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "i8", "f2", "f4", "f8", ">i4"])
@pytest.mark.parametrize("shape", [(7, 9), (3, 7, 9), (7, 9, 3)])
def test_pixels_of_every_type_are_the_same_numbers(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    pixels = RNG.integers(0, 256, (40, *shape))
    pixels[0].flat[0] = 255
    data = archive(tmp_path, x_train=pixels.astype(dtype), y_train=Y, x_test=(pixels % 2).astype(dtype), y_test=Y)
    first = {2: pixels[:, None], 3: pixels.transpose(0, 3, 1, 2) if shape[-1] == 3 else pixels}[len(shape)]
    assert data.x_train.dtype == np.float32
    assert np.array_equal(data.x_train, first.astype(np.float32) / 255)
    assert data.x_test.max() == np.float32(1) / 255, "both parts are divided by the same number"
    assert any("divided by 255" in note for note in data.notes)
    assert any("channels last" in note for note in data.notes) == (shape[-1] == 3)


@pytest.mark.parametrize(("highest", "largest"), [(16, 16), (17, 255), (256, 1023), (4095, 4095), (65535, 65535)])
def test_pixels_of_more_or_fewer_bits(tmp_path: Path, highest: int, largest: int) -> None:
    pixels = RNG.integers(0, highest + 1, (40, 6, 6))
    pixels[:, 0, 0] = highest
    assert archive(tmp_path, x=pixels, y=Y).x_train.max() == np.float32(highest / largest)


def test_what_is_no_pixel_is_left_alone(tmp_path: Path) -> None:
    for x in (RNG.integers(0, 2, (40, 6, 6)), RNG.normal(size=(40, 1, 6, 6)), RNG.integers(0, 255, (40, 5))):
        data = archive(tmp_path, x=x, y=Y)
        whole = np.concatenate([data.x_train, data.x_test])
        assert (whole.min(), whole.max()) == (x.min(), x.max())
        assert not any("divided" in note for note in data.notes)
    np.savez(tmp_path / "d.npz", x=RNG.uniform(0, 255, (40, 6, 6)), y=Y)
    with pytest.warns(DataWarning, match="reaches 25.* is not divided"):
        read_npz(tmp_path / "d.npz")
    data = archive(tmp_path, x=RNG.uniform(0, 1, (40, 2)) * [1, 1e5], y=Y)
    assert any(note.startswith("column 2 reaches") for note in data.notes)


def test_where_channels_stand(tmp_path: Path) -> None:
    shapes = {
        (8, 8, 1): (1, 8, 8),
        (9, 7, 4): (4, 9, 7),
        (3, 8, 4): (3, 8, 4),
        (8, 8, 2): (8, 8, 2),
        (1, 8, 3): (1, 8, 3),
    }
    for came, read in shapes.items():
        assert archive(tmp_path, x=RNG.normal(size=(40, *came)), y=Y).input_shape == read


@pytest.mark.parametrize("shape", [(8, 8, 2), (4, 4, 3), (9, 7, 5)])
def test_channels_that_may_come_last_are_spoken_of(tmp_path: Path, shape: tuple[int, ...]) -> None:
    x = RNG.normal(size=(40, *shape))
    (note,) = [n for n in archive(tmp_path, x=x, y=Y).notes if "channels come last" in n]
    assert f"read as {shape[0]} channels of {shape[1]} x {shape[2]}" in note
    cured = archive(tmp_path, x=apply(re.findall(r"x\.transpose\([^)]*\)", note)[0], x), y=Y)
    assert cured.input_shape == (shape[2], *shape[:2])
    assert not [n for n in cured.notes if "come last" in n]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_pixels_in_rows_are_spoken_of(tmp_path: Path, dtype: Any) -> None:
    pixels = RNG.integers(0, 256, (40, 64)).astype(dtype)
    assert [n for n in archive(tmp_path, x=pixels, y=Y).notes if "reaches 255; the networks softmax and mlp scale" in n]
    for other in (pixels / 255, pixels - 0.5, pixels % 17, pixels[:, :9]):
        assert not [n for n in archive(tmp_path, x=other, y=Y).notes if "reaches" in n]


SHAPES = [
    ((5, 8, 8, 1), (1, 8, 8)), ((5, 8, 8, 3), (3, 8, 8)), ((5, 9, 7, 3), (3, 9, 7)), ((5, 8, 9), (1, 8, 9)),
    ((5, 64), (1, 8, 8)), ((5, 8, 8), (64,)), ((5, 1, 8, 8), (64,)), ((5,), (1,)), ((5, 1, 6), (6,)), ((5, 6), (6, 1)),
    ((5, 4, 6), (6, 4)), ((7,), (7,)), ((8, 9), (1, 8, 9)), ((8, 9, 3), (3, 8, 9)), ((3, 8, 9), (3, 8, 9)),
    ((64,), (1, 8, 8)), ((8, 8), (64,)), ((5, 8, 3, 8), (3, 8, 8)), ((5, 4, 6), (3, 8)), ((5, 3), (4,)), ((), (1,)),
]  # fmt: skip


@pytest.mark.parametrize(("came", "expected"), SHAPES)
def test_every_cure_of_a_wrong_shape_can_be_run_and_scrambles_nothing(
    came: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    layers = [cg.Flatten(), cg.Dense(2)] if len(expected) > 1 else [cg.Dense(2)]
    net = cg.Network(layers, input_shape=expected, loss="SquaredError")
    x = np.arange(np.prod(came, dtype=int), dtype=np.float32).reshape(came)
    with pytest.raises(cg.ShapeError) as caught:
        net.predict(x)
    cure = re.search(r"use (x\S.*)$", str(caught.value))
    if cure is None:
        assert expected in ((3, 8), (4,)) or came == ()
        return
    ready = apply(cure[1], x)
    net.predict(ready)
    assert ready.shape[1:] == expected
    if len(came) == 4 and len(expected) == 3 and came[3] == expected[0]:
        assert np.array_equal(ready[2, 0], x[2, :, :, 0]), "a channel stays a channel"
    if len(expected) == 1 or len(came) < 3:
        assert np.array_equal(ready.ravel(), x.ravel())


def apply(expression: str, x: np.ndarray) -> np.ndarray:
    """The value of a cure: reshape or transpose with whole numbers, and new axes."""
    match = re.fullmatch(
        r"x(?:\.(reshape|transpose)\(([^()]*(?:len\(x\))?[^()]*)\))?(\[None\]|\[:, None\])*", expression
    )
    assert match, expression
    if match[1]:
        sizes = [len(x) if s == "len(x)" else int(s) for s in match[2].split(", ")]
        x = getattr(x, match[1])(*sizes)
    for new in re.findall(r"\[(:, )?None\]", expression):
        x = x[:, None] if new else x[None]
    return x


class NAType:  # as pandas has it
    pass


MASKED = np.ma.masked_equal(np.array([[1.0, 2.0], [3.0, -9.0], [5.0, -9.0]]), -9.0)
LACKING = {
    "masked": (MASKED, r"in 2 of 6 places, which are masked, first at x\[1, 1\]"),
    "rows with masks": (list(MASKED), r"in 2 of 6 places, which are masked"),
    "None": ([[1.0, 2.0], [3.0, None]], r"1 of 4 places, which are missing, first at x\[1, 1\]"),
    "NA": (np.array([[1.0, NAType()]], dtype=object), r"1 of 2 places"),
    "NaN among objects": (np.array([[1.0, float("nan")]], dtype=object), r"1 of 2 places"),
    "a masked number in a list": ([[1.0, np.ma.masked]], r"NaN"),
}


@pytest.mark.parametrize("name", LACKING)
def test_what_lacks_numbers_is_refused_wherever_arrays_come_in(name: str) -> None:
    value, said = LACKING[name]
    net = cg.Network([cg.Dense(2)], input_shape=2, loss="SquaredError")
    x, y = np.ones((len(value), 2)), np.ones((len(value), 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for use in (
            net.predict,
            lambda v: net.fit(v, y),
            lambda v: net.trace(v, y),
            lambda v: net.fit(x, y, validation=(v, y)),
        ):
            with pytest.raises(cg.DataError, match=said):
                use(value)
        for use in (lambda v: net.fit(x, v), lambda v: net.loss(x, v), lambda v: net.evaluate(x, v)):
            with pytest.raises(cg.DataError, match=r"y holds no number|the targets hold NaN"):
                use(value)
        if len(value) == 2:
            with pytest.raises(cg.DataError, match=r"W1 holds no number|NaN"):
                net.set_parameters(W1=value)


def test_masks_that_hide_nothing() -> None:
    net = cg.Network([cg.Dense(2)], input_shape=2, loss="SquaredError")
    x = np.ma.array(np.ones((3, 2)), mask=False)
    assert np.array_equal(net.predict(x), net.predict(x.filled(0)))
    with pytest.raises(
        cg.DataError, match=r"W1 holds no number in 1 of 4 places, which are masked, first at W1\[0, 1\]"
    ):
        net.set_parameters(W1=np.ma.array(np.ones((2, 2)), mask=[[0, 1], [0, 0]]))
    with pytest.raises(cg.DataError, match="masked"):
        cg.data.Pixels(np.ma.array(np.ones((2, 2), np.uint8), mask=[[0, 1], [0, 0]]))


TIMES = 1_700_000_000 + np.arange(200)


def test_float64_keeps_all_digits_of_files(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("time,v,y\n" + "".join(f"{t},{i / 7!r},{i % 2}\n" for i, t in enumerate(TIMES)))
    data = cg.data.read_csv(tmp_path / "d.csv")
    whole = np.concatenate([data.x_train, data.x_test])
    assert set(whole[:, 0]) == set(TIMES)
    assert set(whole[:, 1]) == {i / 7 for i in range(200)}
    assert data.x_train.dtype == data.astype("float64").x_train.dtype == np.float64
    with pytest.warns(DataWarning, match="column time holds 160 different numbers.*float64") as said:
        single = data.astype("float32")
    assert len(said) == 1
    assert single.x_train.dtype == np.float32


@pytest.mark.parametrize("x", [TIMES[:, None], TIMES[:, None].astype(float), 1e6 + TIMES[:, None] % 1000 * 1e-3])
def test_training_in_float32_says_which_digits_it_loses(x: np.ndarray) -> None:
    y = np.arange(200) % 2
    layers = [cg.BatchNorm(), cg.Dense(2), cg.Softmax()]
    with pytest.warns(DataWarning, match=r"x\[:, 0\] holds 200 different numbers"):
        cg.Network(layers, input_shape=1, loss="CrossEntropy").fit(x, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # each cure
        cg.Network(layers, input_shape=1, loss="CrossEntropy", dtype="float64").fit(x, y)
        cg.Network(layers, input_shape=1, loss="CrossEntropy").fit(x - x.mean(), y)
        cg.Network(layers, input_shape=1, loss="CrossEntropy").fit(RNG.normal(size=(200, 1)), y)
        cg.Network(layers, input_shape=1, loss="CrossEntropy").fit(np.array([[0.1 + 0.2], [0.3]] * 100), y)


def test_a_number_beyond_float32(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,y\n" + "".join(f"{i}e300,{i % 2}\n" for i in range(20)))
    data = cg.data.read_csv(tmp_path / "d.csv")
    with pytest.raises(cg.DataError, match=r"column a: .* is too large for float32; train with --dtype float64"):
        data.astype("float32")
    assert data.astype("float64").x_train.max() == 1.9e301


def test_the_digits_as_scikit_learn_has_them(tmp_path: Path) -> None:
    data = digits()
    images = (np.concatenate([data.x_train, data.x_test])[:, 0] * 16).astype(float)
    read = archive(tmp_path, x=images, y=np.concatenate([data.y_train, data.y_test]))
    assert (read.x_train.max(), read.x_train.dtype) == (1, np.float32)


def test_the_command_warns_in_one_line_and_only_when_it_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("time,y\n" + "".join(f"{t},{i % 2}\n" for i, t in enumerate(TIMES)))
    np.savez("t.npz", x=RNG.uniform(0, 255, (40, 6, 6)), y=Y)
    usual = ["--epochs", "1", "--quiet", "--no-pictures"]
    for file, said in (("t.csv", "column time"), ("t.npz", "is not divided")):
        assert main(["train", file, "--out", "run", *usual]) in (0, 1)
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("chalkgrad train: ")
        assert said in lines[0]
        assert main(["test", "run", "--no-pictures"]) == 0
        assert capsys.readouterr().err == ""
    assert main(["train", "t.csv", "--dtype", "float64", "--out", "run", *usual]) == 0
    assert capsys.readouterr().err == ""
