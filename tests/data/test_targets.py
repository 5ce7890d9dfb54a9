"""Targets of files: classes or numbers, what is said of it, and how it is decided otherwise."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main

RNG = np.random.default_rng(2)
X = RNG.normal(size=(400, 3))
TARGETS = {
    "prices": (np.round(60 * RNG.uniform(0, 10, 400) + 100), ()),
    "ages": (RNG.integers(18, 80, 400), ()),
    "numbers with fractions": (RNG.normal(size=400), ()),
    "class numbers from 0": (RNG.integers(0, 4, 400), ("0", "1", "2", "3")),
    "class numbers from 1": (RNG.integers(1, 4, 400), ("1", "2", "3")),
    "gaps": (RNG.choice([3, 5, 9], 400), ("3", "5", "9")),
    "signs": (RNG.choice([-1, 1], 400), ("-1", "1")),
    "many class numbers": (np.arange(400) % 40, tuple(map(str, range(40)))),
    "two large numbers": (RNG.choice([100, 2000], 400), ("100", "2000")),
}


def read(path: Path, kind: str, y: np.ndarray, **options: str) -> cg.data.Dataset:
    if kind == "csv":
        lines = [
            ",".join([*map(str, row), f"{v:g}" if v % 1 else str(int(v))]) for row, v in zip(X, y.ravel(), strict=True)
        ]
        (path / "d.csv").write_text("a,b,c,y\n" + "\n".join(lines))
        return cg.data.read_csv(path / "d.csv", **options)
    np.savez(path / "d.npz", x=X, y=y)
    return cg.data.read_npz(path / "d.npz", **options)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("kind", ["csv", "npz", "column"])
def test_classes_or_numbers(tmp_path: Path, name: str, kind: str) -> None:
    y, classes = TARGETS[name]
    data = read(tmp_path, kind, y[:, None] if kind == "column" else y)
    assert data.classes == classes
    if not classes:
        assert data.y_train.shape == (320, 1)
    else:
        assert data.y_train.shape == (320,)
        back = np.array(classes, dtype=float)[np.concatenate([data.y_train, data.y_test])]
        assert np.array_equal(np.sort(back), np.sort(y))
    whole = not (y % 1).any()
    option = "--task regression" if classes else "--task classes"
    assert any(option in note for note in data.notes) == whole
    assert any("class numbers 0 to" in note for note in data.notes) == (bool(classes) and classes[0] != "0")


@pytest.mark.parametrize("kind", ["csv", "npz"])
def test_the_task_can_be_said_and_the_loss_says_it_too(tmp_path: Path, kind: str) -> None:
    y = TARGETS["gaps"][0]
    for options in ({"task": "regression"}, {"loss": "SquaredError"}, {"loss": "AbsoluteError"}):
        data = read(tmp_path, kind, y, **options)
        assert (data.classes, data.notes) == ((), ())
        assert set(data.y_train.ravel()) == {3.0, 5.0, 9.0}
    ages = TARGETS["ages"][0]
    for options in ({"task": "classes"}, {"loss": "CrossEntropy"}):
        assert len(read(tmp_path, kind, ages, **options).classes) == len(set(ages))
    with pytest.raises(cg.OptionError, match="task is 'classes' or 'regression'"):
        read(tmp_path, kind, y, task="clusters")
    assert read(tmp_path, kind, TARGETS["numbers with fractions"][0], loss="CrossEntropy").classes == ()


def test_what_cannot_be_classes_or_numbers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("a,y\n" + "".join(f"{i}.5,{i}\n" for i in range(1500)))
    with pytest.raises(cg.DataError, match=r"1,500 different numbers; at most 1,000 can be classes.*--task regression"):
        cg.data.read_csv(path, task="classes")
    assert cg.data.read_csv(path).classes == cg.data.read_csv(path, task="regression").classes == ()
    path.write_text("a,y\n" + "".join(f"{i}.5,{'ab'[i % 2]}\n" for i in range(20)))
    with pytest.raises(cg.DataError, match="column y: the task is regression, but the targets hold words, such as 'a'"):
        cg.data.read_csv(path, task="regression")
    assert cg.data.read_csv(path, loss="SquaredError").classes == ("a", "b"), "words are classes for every loss"
    path.write_text("a,y\n" + "".join(f"{i}.5,7\n" for i in range(20)))
    with pytest.raises(cg.DataError, match="one class, '7'"):
        cg.data.read_csv(path)


NPZ = {
    "one-hot rows": (np.eye(3)[np.arange(30) % 3], ("0", "1", "2")),
    "one-hot bytes": (np.eye(3, dtype=np.uint8)[np.arange(30) % 3], ("0", "1", "2")),
    "truth": (np.arange(30) % 2 == 0, ("0", "1")),
    "words": (np.array(["no", "yes"])[np.arange(30) % 2], ("no", "yes")),
    "words as bytes, in a column": (np.array([b"no", "jä".encode()])[np.arange(30) % 2][:, None], ("jä", "no")),
    "several labels": ((np.arange(90) % 4 > 1).astype(int).reshape(30, 3), ()),
    "targets": (np.linspace(0, 1, 60).reshape(30, 2), ()),
}


@pytest.mark.parametrize("word", ["", " ", "nan", "NaN"])
def test_a_label_that_is_missing_names_no_class(tmp_path: Path, word: str) -> None:
    y = np.array(["a", "b", word, "a", "b", word, "none", "none"])
    np.savez(tmp_path / "d.npz", x=X[:8], y=y)
    with pytest.raises(cg.DataError, match=rf"y holds '{word.strip()}', .* in 2 places, first in row 2 "):
        cg.data.read_npz(tmp_path / "d.npz")
    np.savez(tmp_path / "d.npz", x=np.delete(X[:8], [2, 5], axis=0), y=np.delete(y, [2, 5]))
    assert cg.data.read_npz(tmp_path / "d.npz").classes == ("a", "b", "none")
    np.savez(tmp_path / "d.npz", x=X[:8], y=y, classes=np.array(["a", "b", "none", word]))
    assert word in cg.data.read_npz(tmp_path / "d.npz").classes, "it was named"


@pytest.mark.parametrize("name", NPZ)
@pytest.mark.parametrize("parts", [False, True])
def test_targets_of_archives(tmp_path: Path, name: str, parts: bool) -> None:
    y, classes = NPZ[name]
    x = np.linspace(-1, 1, 60).reshape(30, 2)
    split = {"x_train": x[:20], "y_train": y[:20], "x_test": x[20:], "y_test": y[20:]}
    np.savez(tmp_path / "d.npz", **(split if parts else {"x": x, "y": y}))
    data = cg.data.read_npz(tmp_path / "d.npz")
    assert data.classes == classes
    assert data.y_train.dtype == (np.int64 if classes else np.float64)
    assert len(data.y_train) == (20 if parts else 24)
    if parts and classes:
        words = np.array(classes)[data.y_test]
        expected = y.argmax(1) if y.ndim == 2 and y.shape[1] > 1 else y.ravel()
        expected = (
            np.char.decode(expected)
            if expected.dtype.kind == "S"
            else expected.astype(int if y.dtype.kind == "b" else expected.dtype)
        )
        assert words.tolist() == expected[20:].astype(str).tolist()


def test_classes_are_those_of_both_parts_and_untrained_ones_are_said(tmp_path: Path) -> None:
    x = np.ones((10, 2))
    np.savez(tmp_path / "d.npz", x_train=x, y_train=np.arange(10) % 2 + 1, x_test=x, y_test=np.arange(10) % 3 + 1)
    data = cg.data.read_npz(tmp_path / "d.npz")
    assert data.classes == ("1", "2", "3")
    assert data.y_test.tolist() == (np.arange(10) % 3).tolist()
    assert "no sample to train on is of class 3" in data.notes


def test_named_classes(tmp_path: Path) -> None:
    path, x = tmp_path / "d.npz", np.ones((12, 2))
    np.savez(path, x=x, y=np.arange(12) % 2, classes=np.array(["a", "b", "c"]))
    assert cg.data.read_npz(path).classes == ("a", "b", "c")
    np.savez(path, x=x, y=np.array([3, 5])[np.arange(12) % 2], classes=np.array([3, 4, 5]))
    assert np.bincount(cg.data.read_npz(path).y_train, minlength=3).tolist()[1] == 0
    np.savez(path, x=x, y=np.array(["b", "a"])[np.arange(12) % 2], classes=np.array(["b", "a"]))
    assert cg.data.read_npz(path).classes == ("b", "a")
    for y, classes, said in (
        (np.arange(12) % 4, ["a", "b", "c"], "class number 3 came, but 3 classes are named"),
        (np.arange(12) % 2, ["a", "a"], "both called 'a'"),
        (np.array(["a", "x"])[np.arange(12) % 2], ["a", "b"], "'x' is none of the classes"),
    ):
        np.savez(path, x=x, y=y, classes=np.array(classes))
        with pytest.raises(cg.DataError, match=said):
            cg.data.read_npz(path)


def test_the_command_says_what_it_decided_and_reads_it_so_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rating = np.clip(np.round(3 + X @ [1, -1, 0.5]), 1, 5)
    lines = [",".join([*map(str, row), str(int(v))]) for row, v in zip(X, rating, strict=True)]
    Path("D.CSV").write_text("0,1,2,3\n" + "\n".join(lines))
    usual = ["--quiet", "--no-pictures", "--epochs", "3"]
    assert main(["train", "D.CSV", "--out", "a", *usual]) == 0
    printed = capsys.readouterr().out
    assert "--task regression reads them as numbers" in printed
    assert "--header no reads it as a sample" in printed
    assert json.loads(Path("a/test.json").read_text())["accuracy"] > 0.3
    for name, options in (("b", ["--task", "regression"]), ("c", ["--loss", "SquaredError"])):
        assert main(["train", "D.CSV", "--out", name, "--header", "yes", *usual, *options]) == 0
        assert "--task" not in capsys.readouterr().out
        assert json.loads(Path(name, "test.json").read_text())["accuracy"] is None
        recorded = tomllib.loads(Path(name, "run.toml").read_text())["data"]
        assert (recorded["task"], recorded["header"]) == ("regression", "yes")
        assert main(["test", name, "--no-pictures"]) == 0
        assert "R2" in capsys.readouterr().out
    Path("n.toml").write_text('loss = "SquaredError"\nlayers = [{ type = "Dense", units = 1 }]\n')
    assert main(["train", "D.CSV", "--network", "n.toml", "--out", "d", *usual]) == 0
    assert json.loads(Path("d/test.json").read_text())["accuracy"] is None
    for wrong in (["digits", "--task", "classes"], ["digits", "--header", "no"], ["D.CSV", "--header", "maybe"],
                  ["D.CSV", "--task", "x"]):  # fmt: skip
        assert main(["train", *wrong, *usual]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
