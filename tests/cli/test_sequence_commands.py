"""Texts, names and sequences on the command line: trained, tested, resumed, and written anew."""

from __future__ import annotations

import json
import math
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main
from chalkgrad.data import names
from chalkgrad.data.names import first_names
from chalkgrad.data.vocabulary import Vocabulary

TEXT = "the quick brown fox\njumps over the lazy dog\n" * 30
QUICK = ["--quiet", "--no-pictures", "--engine", "numpy"]
SMALL = '[[layers]]\ntype = "Embedding"\nids = 28\nunits = 8\n[[layers]]\ntype = "RNN"\nunits = 16\nsequences = true\n'
SMALL = f'loss = "CrossEntropy"\n{SMALL}[[layers]]\ntype = "Dense"\nunits = 28\n[[layers]]\ntype = "Softmax"\n'


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("book.txt").write_text(TEXT)
    Path("small.toml").write_text(SMALL)


def run(*argv: str, code: int = 0) -> None:
    assert main([*argv, *(QUICK if argv[0] == "train" else [])]) == code


def test_a_text_from_the_file_to_new_text(capsys: pytest.CaptureFixture[str]) -> None:
    run("train", "book.txt", "--network", "small.toml", "--window", "16", "--epochs", "2", "--out", "r")
    out = capsys.readouterr().out
    assert "1,320 characters, 28 different ones, in windows of 16" in out
    assert "it writes:\n" in out
    assert "write more with: chalkgrad generate r" in out
    data = tomllib.loads(Path("r/run.toml").read_text())["data"]
    assert Vocabulary.from_table(data["vocabulary"], "r").characters == "".join(sorted(set(TEXT)))
    assert (data["window"], data["sequences"]) == (16, True)

    run("test", "r")
    out = capsys.readouterr().out
    found = json.loads(Path("r/test.json").read_text())
    net, x = cg.load("r"), np.array(Vocabulary("".join(sorted(set(TEXT)))).encode(TEXT[-132:]))
    x, y = (x[k : k + 128].reshape(8, 16) for k in (0, 1))
    evaluation = net.evaluate(x, y, engine="numpy")
    assert found["loss"] == pytest.approx(evaluation.loss)
    assert found["accuracy"] == pytest.approx(evaluation.accuracy)
    assert found["bits_per_character"] == pytest.approx(evaluation.loss / math.log(2))
    assert found["characters"] == 128
    assert "bits" in out

    Path("book.txt").unlink()  # which is not needed to write
    run("generate", "r", "--seed", "5", "--length", "60")
    first = capsys.readouterr().out
    run("generate", "r", "--seed", "5", "--length", "60", "--out", "new.txt")
    assert Path("new.txt").read_text() == first
    assert 60 < len(first) < 70
    assert set(first) <= set(TEXT)
    capsys.readouterr()
    run("generate", "r", "--count", "2", "--start", "the lazy", "--temperature", "0.5", "--length", "20")
    assert len(re.findall("^the lazy", capsys.readouterr().out, re.MULTILINE)) == 2


ATTENTIVE = SMALL.replace(
    '[[layers]]\ntype = "RNN"', '[[layers]]\ntype = "Attention"\nheads = 2\ncausal = true\n[[layers]]\ntype = "RNN"'
)


def test_what_a_test_shows_over_time(capsys: pytest.CaptureFixture[str]) -> None:
    Path("both.toml").write_text(ATTENTIVE)
    run("train", "book.txt", "--network", "both.toml", "--window", "12", "--max-steps", "2", "--out", "r")
    assert not list(Path("r").glob("*.svg"))
    capsys.readouterr()
    run("test", "r")
    out = capsys.readouterr().out
    assert "attention.svg, gradients.svg" in out
    back = json.loads(Path("r/test.json").read_text())["gradient_back_in_time"]["h3"]
    assert len(back) == 12
    row = next(line for line in out.splitlines() if line.startswith("h3  layer 3, RNN"))
    assert [float(cell) for cell in row.split()[4:-1]] == pytest.approx(
        [back[k] for k in (0, 1, 2, 5, 10, 11)], rel=0.01
    )
    drawn = Path("r/attention.svg").read_text()
    tokens = [line.partition(">")[2].partition("<")[0] for line in drawn.splitlines() if line.startswith("<text")]
    first = np.array(list((TEXT[-132:])[:12].replace(" ", "\u2423").replace("\n", "\u21b5")))
    assert [token for token in tokens if len(token) == 1 and not token.isdigit()][:12] == first.tolist()
    assert "h3 of layer 3, RNN" in Path("r/gradients.svg").read_text()


def test_names_are_made_up(capsys: pytest.CaptureFixture[str]) -> None:
    run("train", "names", "--network", "rnn", "--max-steps", "3", "--out", "r")
    out = capsys.readouterr().out
    assert "4,647 samples to train and validate on, 516 to test on" in out
    made_up = re.search("it made up: (.*)", out)
    assert made_up is not None
    assert set(first_names()).isdisjoint(made_up[1].split(", "))
    run("test", "r")
    found = json.loads(Path("r/test.json").read_text())
    data = names()
    assert data.vocabulary is not None
    assert found["characters"] == sum(len(data.vocabulary.decode(x)) + 1 for x in data.x_test), "each with its end"
    assert 1.5 < found["loss"] < 3.5
    capsys.readouterr()
    run("generate", "r", "--count", "4", "--start", "mar")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("mar") and len(line) <= 12 for line in lines)
    run("generate", "r", "--start", "J", code=2)
    assert "'J', is none of the 26" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.usefixtures("one_thread_a_worker")
@pytest.mark.parametrize(("network", "loss"), [("rnn", 2.0), ("lstm", 1.95), ("gru", 1.98), ("gpt", 2.02)])
def test_names_to_the_plateau(network: str, loss: float, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "names", "--network", network, "--quiet", "--no-pictures"]) == 0
    out = capsys.readouterr().out
    assert "the loss reached a plateau" in out
    assert json.loads(Path(f"runs/names-{network}/test.json").read_text())["loss"] < loss
    assert main(["generate", f"runs/names-{network}", "--count", "200"]) == 0
    texts = capsys.readouterr().out.split()
    assert 0.05 < np.mean([text in set(first_names()) for text in texts]) < 0.9, "some that there are, and new ones"


@pytest.mark.long
@pytest.mark.usefixtures("one_thread_a_worker")
def test_rows_of_mnist(mnist_directory: Path) -> None:
    command = ["train", "mnist", "--data", str(mnist_directory), "--network", "rows-lstm"]
    assert main([*command, "--epochs", "5", "--quiet", "--no-pictures"]) == 0  # 98.34 %; at its plateau 98.66 %
    assert json.loads(Path("runs/mnist-rows-lstm/test.json").read_text())["accuracy"] > 0.98


def test_a_training_on_a_text_is_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["train", "book.txt", "--network", "small.toml", "--window", "16"]
    run(*options, "--epochs", "2", "--out", "r")
    run("train", "--resume", "r", "--epochs", "4")
    run(*options, "--epochs", "4", "--out", "whole")
    assert np.array_equal(cg.load("r").flat, cg.load("whole").flat)
    run("generate", "r", "--length", "5")
    capsys.readouterr()
    Path("book.txt").write_text(TEXT.replace("fox", "cat"))
    run("test", "r", code=2)
    error = capsys.readouterr().err
    assert "trained on other data" in error
    assert "--window 16 --network NAME" in error


@pytest.mark.parametrize("network", ["gpt", *(pytest.param(name, marks=pytest.mark.long) for name in ("lstm", "gru"))])
def test_texts_by_the_networks_of_a_name(network: str) -> None:
    run("train", "book.txt", "--network", network, "--window", "8", "--max-steps", "2")
    assert cg.load(f"runs/book-{network}").output_shape == (8, 28)
    run("test", f"runs/book-{network}")


def test_a_table_is_still_a_table() -> None:
    Path("t.txt").write_text("a,b,y\n" + "".join(f"{i},{i * 7 % 5},{'pqr'[i % 3]}\n" for i in range(30)))
    run("train", "t.txt", "--epochs", "1")
    assert cg.load("runs/t-mlp").input_shape == (2,)


ARCHIVES: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "a class for each": ("rnn", {"y": np.arange(40) % 3}, (3,)),
    "a class for each step": ("gru", {"y": np.arange(240).reshape(40, 6) % 3}, (6, 3)),
    "numbers for each step": ("lstm", {"y": np.arange(480.0).reshape(40, 6, 2) / 7}, (6, 2)),
}


@pytest.mark.parametrize("kind", ARCHIVES)
@pytest.mark.parametrize("ids", [False, True])
def test_sequences_of_the_users_own(kind: str, ids: bool, capsys: pytest.CaptureFixture[str]) -> None:
    network, targets, outputs = ARCHIVES[kind]
    rng = np.random.default_rng(0)
    x = {"ids": rng.integers(0, 5, (40, 6))} if ids else {"x": rng.standard_normal((40, 6, 3))}
    np.savez("d.npz", **x, **targets)
    run("train", "d.npz", "--network", network, "--epochs", "2", "--out", "r")
    assert cg.load("r").output_shape == outputs
    run("test", "r")
    out = capsys.readouterr().out
    assert "R2" in out if kind.startswith("numbers") else "precision" in out
    run("generate", "r", code=2)
    assert "is no model of characters" in capsys.readouterr().err


def test_images_row_by_row(capsys: pytest.CaptureFixture[str]) -> None:
    run("train", "digits", "--network", "rows-lstm", "--max-steps", "3", "--out", "r")
    assert cg.load("r").input_shape == (8, 8)
    run("train", "--resume", "r", "--max-steps", "5")
    run("test", "r", "--no-pictures")
    assert "most confused" in capsys.readouterr().out
    table = 'input_shape = [8, 8]\nloss = "CrossEntropy"\n[[layers]]\ntype = "RNN"\nunits = 8\n[[layers]]\ntype = "Dense"\nunits = 10\n[[layers]]\ntype = "Softmax"\n'
    Path("own.toml").write_text(table)
    run("train", "digits", "--network", "own.toml", "--max-steps", "1")


def test_what_reads_a_network_reads_one_of_characters(capsys: pytest.CaptureFixture[str]) -> None:
    run("train", "book.txt", "--network", "small.toml", "--window", "4", "--max-steps", "1", "--out", "r")
    capsys.readouterr()
    run("derive", "r")
    assert "h2" in capsys.readouterr().out
    run("draw", "r", "--out", "r.svg")


BAD = [
    (["train", "book.txt"], "one column"),
    (["train", "book.txt", "--network", "mlp", "--window", "8"], "--window is about a text"),
    (["train", "digits", "--window", "8"], "--window is about a text"),
    (["train", "book.txt", "--network", "rnn", "--window", "0"], "window must be"),
    (["train", "book.txt", "--network", "rnn", "--window", "132"], "--window 131 fits"),
    (["train", "book.txt", "--network", "rnn", "--target", "a"], "(a text)"),
    (["train", "book.txt", "--network", "rnn", "--task", "classes"], "--task says"),
    (["train", "none.txt", "--network", "rnn"], "cannot be read"),
    (["train", "names", "--network", "mlp"], "gives sequences; use --network rnn, lstm, gru, gpt"),
    (["train", "names", "--network", "rows-rnn"], "rows are those of images"),
    (["train", "digits", "--network", "rnn"], "--network rows-rnn reads images row by row"),
    (["train", "spiral", "--network", "lstm"], "takes sequences"),
    (["train", "names", "--network", "small.toml"], "(12, 28) outputs, but names has 27 classes"),
    (["train", "names", "--network", "rnn", "--loss", "Hinge"], "CrossEntropy alone leaves them out; Hinge does not"),
    (["train", "names", "--network", "rnn", "--loss", "Hingee"], "did you mean 'Hinge'"),
    (["generate", "none"], "no run directory"),
    (["generate", "runs", "--seed", "x"], "a seed is"),
]


@pytest.mark.parametrize(("argv", "message"), BAD, ids=[" ".join(a) for a, _ in BAD])
def test_bad_input_is_one_line(
    argv: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main([*argv, *(QUICK if argv[0] == "train" else [])])
    except SystemExit as stop:
        code = int(str(stop.code))
    error = capsys.readouterr().err
    assert code == 2
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_runs_that_were_changed(capsys: pytest.CaptureFixture[str]) -> None:
    run("train", "book.txt", "--network", "small.toml", "--window", "4", "--max-steps", "1", "--out", "r")
    capsys.readouterr()
    whole = Path("r/run.toml").read_text()
    for pattern, change, message in (
        (r'characters = ".*"', 'characters = "ab"', "a vocabulary of 2 ids"),
        (r'characters = ".*"', "characters = 3", "no list of characters"),
        (r"vocabulary\]", "other]", "is no model of characters"),
        (r"window = 4", 'window = "x"', "on which data"),
    ):
        changed = re.sub(pattern, lambda _, text=change: text, whole, count=1)
        assert changed != whole
        Path("r/run.toml").write_text(changed)
        run("generate", "r", code=2)
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1


def test_a_network_file_that_is_damaged_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    run("train", "book.txt", "--network", "small.toml", "--window", "4", "--max-steps", "1", "--out", "r")
    capsys.readouterr()
    whole = Path("r/network.toml").read_bytes()
    for damaged in (b"", b"\xff\x00\x01", whole[: len(whole) // 2]):
        Path("r/network.toml").write_bytes(damaged)
        for command in ("generate", "test"):
            run(command, "r", code=2)
            error = capsys.readouterr().err
            assert "network.toml" in error
            assert "weights = ..." not in error, error
            assert error.count("\n") == 1
