"""chalkgrad predict: the same numbers as `predict` of the network, for samples read as those of the training."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main

QUICK = ["--network", "softmax", "--epochs", "2", "--no-pictures", "--quiet"]
RNG = np.random.default_rng(4)
X = RNG.standard_normal((60, 3))
KIND = np.where(X[:, 0] > 0, "up", "down")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def table(path: str, columns: dict[str, Any], separator: str = ",") -> None:
    rows = zip(*columns.values(), strict=True)
    lines = [separator.join(columns), *(separator.join(str(v) for v in row) for row in rows)]
    Path(path).write_text("\n".join(lines) + "\n")


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def flowers() -> cg.Network:
    table("flowers.csv", {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "kind": KIND})
    assert main(["train", "flowers.csv", *QUICK, "--out", "r"]) == 0
    return cg.load("r")


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_tables_columns_are_taken_by_their_names(flowers: cg.Network, separator: str, capsys: Any) -> None:
    capsys.readouterr()
    more = {"c": X[:, 2], "id": range(60), "a": X[:, 0], "b": X[:, 1], "kind": KIND}
    table("new.csv", more, separator)
    assert main(["predict", "r", "new.csv", "--out", "p.csv"]) == 0
    err = capsys.readouterr().err
    assert "does not take the column id and 1 more" in err
    rows = read(Path("p.csv").read_text())
    y_hat = flowers.predict(X)
    assert list(rows[0]) == ["sample", "class", "probability", "p(down)", "p(up)"]
    assert [row["class"] for row in rows] == [("down", "up")[c] for c in y_hat.argmax(axis=1)]
    assert np.allclose([[float(row["p(down)"]), float(row["p(up)"])] for row in rows], y_hat)
    assert [float(row["probability"]) for row in rows] == pytest.approx(y_hat.max(axis=1))


def test_on_the_terminal_and_as_json(flowers: cg.Network, capsys: Any) -> None:
    table("new.csv", {"a": X[:30, 0], "b": X[:30, 1], "c": X[:30, 2]})
    capsys.readouterr()
    assert main(["predict", "r", "new.csv"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == ["sample", "class", "probability"]
    assert out[-1] == "... 10 more"
    assert main(["predict", "r", "new.csv", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 30
    assert lines[4]["sample"] == 5


def test_a_table_of_one_sample_without_titles(capsys: Any) -> None:
    Path("plain.csv").write_text("".join(f"{a},{b},{int(a > 0)}\n" for a, b, _ in X))
    assert main(["train", "plain.csv", *QUICK, "--out", "r"]) == 0
    Path("one.csv").write_text("0.5,-1.5\n")
    capsys.readouterr()
    assert main(["predict", "r", "one.csv", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["p(1)"] == pytest.approx(float(cg.load("r").predict([[0.5, -1.5]])[0, 1]))


def test_numbers(capsys: Any) -> None:
    np.savez("r.npz", x=X, y=X[:, :2] * 2)
    assert main(["train", "r.npz", *QUICK, "--out", "r"]) == 0
    capsys.readouterr()
    np.savez("new.npz", x=X[:7])
    assert main(["predict", "r", "new.npz", "--out", "p.csv"]) == 0
    rows = read(Path("p.csv").read_text())
    found = [[float(r["y_hat1"]), float(r["y_hat2"])] for r in rows]
    assert np.allclose(found, cg.load("r").predict(X[:7]), rtol=1e-6)


def test_pixels_are_divided_as_those_of_the_training(capsys: Any) -> None:
    """Those to predict for are darker: by themselves they would be divided by 16."""
    images = RNG.integers(0, 256, (40, 5, 5), dtype=np.uint8)
    np.savez("i.npz", x=images, y=np.arange(40) % 2)
    assert main(["train", "i.npz", *QUICK, "--out", "r"]) == 0
    assert tomllib.loads(Path("r/run.toml").read_text())["data"]["divided_by"] == 255
    dark = RNG.integers(0, 12, (3, 5, 5), dtype=np.uint8)
    expected = cg.load("r").predict((dark[:, None] / 255).astype("f4"))
    for given in (dark, dark.astype(float), (dark / 255)):
        np.savez("new.npz", x=given)
        capsys.readouterr()
        assert main(["predict", "r", "new.npz", "--json"]) == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert np.allclose([[p["p(0)"], p["p(1)"]] for p in lines], expected, atol=1e-6)
    np.savez("new.npz", x=dark + 0.5)
    assert main(["predict", "r", "new.npz"]) == 2
    assert "with fractions, but the network was trained on whole numbers divided by 255" in capsys.readouterr().err


def test_data_that_come_with_chalkgrad_idx_and_rows(capsys: Any) -> None:
    assert main(["train", "digits", *QUICK, "--out", "r"]) == 0
    data = cg.data.digits()
    expected = cg.load("r").predict(data.x_test)
    np.savez("d.npz", x=np.round(np.asarray(data.x_test)[:, 0] * 16).astype(np.uint8))
    for source in ("digits", "d.npz"):
        capsys.readouterr()
        assert main(["predict", "r", source, "--json"]) == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [int(p["class"]) for p in lines] == expected.argmax(axis=1).tolist()
    cg.data.write_idx("some-ubyte", np.zeros((2, 8, 8), np.uint8))
    assert main(["predict", "r", "some-ubyte"]) == 0
    assert main(["predict", "r", "spiral"]) == 2
    assert "spiral gives samples of shape (2,), but the network takes (1, 8, 8)" in capsys.readouterr().err


def test_a_folder_of_images(capsys: Any) -> None:
    image = pytest.importorskip("PIL.Image")
    for k, name in enumerate(("cat", "dog")):
        Path("pets", name).mkdir(parents=True)
        for i in range(6):
            pixels = RNG.integers(0, 100, (6, 6), dtype=np.uint8) + np.uint8(100 * k)
            image.fromarray(pixels).save(f"pets/{name}/{i}.png")
    assert main(["train", "pets", "--size", "4", *QUICK, "--out", "r"]) == 0
    capsys.readouterr()
    assert main(["predict", "r", "pets", "--json"]) == 0
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [p["sample"] for p in lines[:2]] == ["cat/0.png", "cat/1.png"]
    assert "resized to 4 x 4" in err
    assert main(["predict", "r", "pets/dog/3.png", "--json"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert {**one, "sample": ""} == {**next(p for p in lines if p["sample"] == "dog/3.png"), "sample": ""}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "'c' is missing"),
        ("a,b,c\n1,2,x\n", "line 2, column c: 'x' is no number"),
        ("a,b,c\n1,2\n", "line 2: 2 cells"),
        ("a,b,c\n", "holds no samples"),
        ("", "is empty"),
        (None, "there are no data 'new.csv'"),
    ],
)
def test_bad_tables_are_one_line(flowers: cg.Network, content: str | None, message: str, capsys: Any) -> None:
    if content is not None:
        Path("new.csv").write_text(content)
    capsys.readouterr()
    assert main(["predict", "r", "new.csv"]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_nothing_that_is_read_is_written_over(flowers: cg.Network, capsys: Any) -> None:
    before = Path("flowers.csv").read_text()
    assert main(["predict", "r", "flowers.csv", "--out", "flowers.csv"]) == 2
    assert "is a file that the command reads" in capsys.readouterr().err
    assert main(["predict", "r", "flowers.csv", "--out", "p.xlsx"]) == 2
    assert Path("flowers.csv").read_text() == before
