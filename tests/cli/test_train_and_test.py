from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main
from chalkgrad.engines.numpy.steps import NumPySteps


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


QUICK = ["--epochs", "3", "--quiet", "--no-pictures"]


def test_train_and_test_with_nothing_but_the_package(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train"]) == 0
    out = capsys.readouterr().out
    assert "1,438 samples to train" in out
    assert "the loss reached a plateau, the validation loss has not improved for 10 epochs" in out
    run = tmp_path / "runs" / "digits-mlp"
    names = {p.name for p in run.iterdir() if p.is_file()}
    assert names == {
        "network.toml", "run.toml", "history.jsonl", "test.json",
        "learning_curves.png", "first_layer.png", "confusion_matrix.png", "misread.png",
    }  # fmt: skip
    for picture in run.glob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")
    found = json.loads((run / "test.json").read_text())
    assert found["accuracy"] > 0.95
    assert f"{found['accuracy']:.2%}" in out
    recipe = tomllib.loads((run / "run.toml").read_text())
    assert recipe["training"]["optimizer"]["type"] == "SGD"
    assert recipe["result"]["stop_reason"] == "the loss reached a plateau"
    assert main(["test"]) == 0
    out = capsys.readouterr().out
    assert f"{found['accuracy']:.2%}" in out
    assert "most confused:" in out
    assert "precision" in out
    net = cg.load(run)
    data = cg.data.digits()
    assert net.evaluate(data.x_test, data.y_test).accuracy == found["accuracy"]


def test_the_same_command_gives_the_same_weights(tmp_path: Path) -> None:
    for out in ("a", "b"):
        assert main(["train", *QUICK, "--seed", "7", "--out", out]) == 0
    assert (cg.load("a").flat == cg.load("b").flat).all()


@pytest.mark.parametrize("network", ["softmax", "mlp", "lenet"])
@pytest.mark.parametrize("source", ["digits", "spiral"])
def test_every_named_network(network: str, source: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["train", source, "--network", network, *QUICK])
    if (network, source) == ("lenet", "spiral"):
        assert code == 2
        assert "lenet takes images" in capsys.readouterr().err
    else:
        assert code == 0


def test_options_reach_the_training(tmp_path: Path) -> None:
    options = "--optimizer Adam --learning-rate 0.01 --schedule Cosine --batch-size 64 --validation 0.2 --patience 2"
    options += " --l2 0.001 --dtype float64 --weight-decay 0.01 --clip-norm 0.5 --max-steps 40 --min-improvement 0.01"
    assert main(["train", "vertical", *options.split(), *QUICK, "--out", "r"]) == 0
    training = tomllib.loads(Path("r/run.toml").read_text())["training"]
    assert training["optimizer"] == {"type": "Adam", "learning_rate": 0.01, "weight_decay": 0.01, "clip_norm": 0.5}
    assert training["schedule"] == {"type": "Cosine"}
    assert (training["batch_size"], training["validation"], training["max_steps"]) == (64, 0.2, 40)
    net = cg.load("r")
    assert (net.dtype, net.l2) == (np.dtype("float64"), 0.001)


def test_a_network_of_the_users_own(tmp_path: Path) -> None:
    Path("my.toml").write_text(
        'loss = "CrossEntropy"\nseed = 5\nlayers = [{type = "Flatten"}, {type = "Dense", units = 20, name = "hidden"}, "Tanh", '
        '{type = "Dense", units = 10}, "Softmax"]\n'
    )
    assert main(["train", "digits", "--network", "my.toml", *QUICK]) == 0
    assert "hidden.W" in cg.load("runs/digits-my").parameters
    assert cg.load("runs/digits-my").seed == 5, "the file's own"
    assert main(["train", "digits", "--network", "runs/digits-my/network.toml", *QUICK, "--out", "again"]) == 0


def test_data_of_the_users_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((100, 3))
    kind = np.where(x[:, 0] > 0, "up", "down")
    Path("t.csv").write_text(
        "a,b,c,kind\n" + "".join(f"{r[0]},{r[1]},{r[2]},{k}\n" for r, k in zip(x, kind, strict=True))
    )
    assert main(["train", "t.csv", *QUICK]) == 0
    assert main(["test", "runs/t-mlp", "--no-pictures"]) == 0
    assert "down" in capsys.readouterr().out
    np.savez("r.npz", x=x, y=x[:, :1] * 2)
    assert main(["train", "r.npz", *QUICK, "--seed", "3"]) == 0
    assert main(["test", "runs/r-mlp", "--out", "elsewhere"]) == 0
    assert "R2" in capsys.readouterr().out
    assert Path("elsewhere/test.json").is_file()


BAD = [
    (["trian"], "did you mean 'train'"),
    (["train", "--epoch-count", "3"], "there is no option --epoch-count"),
    (["train", "--epochs", "x"], "invalid int value"),
    (["train", "--epochs", "0"], "epochs must be a whole number"),
    (["train", "--batch-size", "-1"], "batch_size must be"),
    (["train", "--seed", "-1"], "--seed"),
    (["train", "--learning-rate", "nan"], "learning_rate must be"),
    (["train", "--validation", "1.5"], "validation"),
    (["train", "--validation", "1"], "validation"),
    (["train", "--patience", "0"], "patience"),
    (["train", "--dtype", "float16"], "float32"),
    (["train", "--optimizer", "adamm"], "did you mean 'Adam'"),
    (["train", "--optimizer", "Adam", "--momentum", "0.9"], "Adam has no momentum"),
    (["train", "--schedule", "Cosin"], "did you mean 'Cosine'"),
    (["train", "--schedule", "Cosine"], "must know the end"),
    (["train", "--loss", "CrossEntrop"], "did you mean 'CrossEntropy'"),
    (["train", "--network", "lenett"], "did you mean 'lenet'"),
    (["train", "--network", "no.toml"], "no.toml cannot be read"),
    (["train", "digitss"], "did you mean 'digits'"),
    (["train", "--data", "somewhere"], "--data says where MNIST is"),
    (["train", "--target", "x"], "--target names a column"),
    (["train", "none.csv"], "none.csv cannot be read"),
    (["train", "none.npz"], "none.npz cannot be read"),
    (["train", "mnist", "--data", "none"], "there is no directory none"),
    (["train", "--l2", "-1"], "l2 must be"),
    (["train", "--loss", "Hinge", "--stop-below", "inf"], "stop_below"),
    (["test", "none"], "no run directory"),
    (["test"], "there is no run in runs"),
]


@pytest.mark.parametrize(("argv", "message"), BAD, ids=[" ".join(a) for a, _ in BAD])
def test_bad_input_is_one_line_and_exit_code_2(
    argv: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main([*argv, *(["--quiet"] if argv[0] == "train" else [])])
    except SystemExit as stop:
        code = int(str(stop.code))
    shown = capsys.readouterr()
    assert code == 2
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [], "nothing is written"


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write everywhere")
def test_a_directory_without_write_permission(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    assert main(["train", *QUICK, "--out", "closed/run"]) == 2
    assert "cannot be written into" in capsys.readouterr().err


def test_an_output_directory_that_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("mine")
    assert main(["train", *QUICK, "--out", "file"]) == 2
    assert "cannot be written into" in capsys.readouterr().err
    assert Path("file").read_text() == "mine"


def test_a_training_that_diverges_says_so_and_keeps_good_weights(capsys: pytest.CaptureFixture[str]) -> None:
    Path("line.csv").write_text("x,y\n" + "".join(f"{i},{i * 0.37}\n" for i in range(50)))
    options = ["--network", "softmax", "--learning-rate", "1e30", "--quiet", "--no-pictures", "--out", "r"]
    assert main(["train", "line.csv", *options]) == 1
    assert "no longer a finite number" in capsys.readouterr().out
    assert np.isfinite(cg.load("r").flat).all()


def test_an_interruption_saves(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    step, taken = NumPySteps._step, itertools.count()

    def interrupted(self: NumPySteps, *batch: object) -> float:
        if next(taken) == 50:
            raise KeyboardInterrupt
        return step(self, *batch)  # type: ignore[arg-type]

    monkeypatch.setattr(NumPySteps, "_step", interrupted)
    assert main(["train", *QUICK, "--out", "r"]) == 130
    assert "the test set was not run" in capsys.readouterr().out
    assert cg.load("r").steps_taken == 50
    assert tomllib.loads(Path("r/run.toml").read_text())["result"]["stop_reason"] == "it was interrupted"


def test_damaged_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *QUICK, "--out", "r"]) == 0
    weights = next(Path("r").glob("weights-*/W1.npy"))
    whole = weights.read_bytes()
    weights.write_bytes(whole[:100])
    assert main(["test", "r"]) == 2
    assert "is damaged" in capsys.readouterr().err
    weights.write_bytes(whole)
    run = Path("r/run.toml").read_text()
    for damaged, message in (
        ("data = 3", "on which data"),
        ("[[", "no TOML"),
        (run.replace('"digits"', '"digit"'), "digit"),
    ):
        Path("r/run.toml").write_text(damaged)
        assert main(["test", "r"]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ([], ["train"], ["test"]):
        with pytest.raises(SystemExit) as stop:
            main([*command, "--help"])
        assert stop.value.code == 0
        assert "example" in capsys.readouterr().out
    assert main([]) == 0


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)


def test_python_m_chalkgrad() -> None:
    assert run("-m", "chalkgrad", "--version").stdout == f"chalkgrad {cg.__version__}\n"
    assert run("-m", "chalkgrad", "train", "no").returncode == 2


def test_starting_is_quick_and_heavy_libraries_wait() -> None:
    heavy = (
        "matplotlib", "tqdm", "torch", "scipy", "pandas", "threadpoolctl", "tomli_w", "platformdirs",
        "chalkgrad.engines.c", "chalkgrad.engines.numpy.recording", "chalkgrad.train.fit", "chalkgrad.describe.layers",
    )  # fmt: skip
    shown = run("-c", f"import sys, chalkgrad; print([m for m in {heavy!r} if m in sys.modules])")
    assert shown.stdout.strip() == "[]"

    commands = {
        "numpy": ("-c", "import numpy"),
        "import": ("-c", "import chalkgrad"),
        "help": ("-m", "chalkgrad", "--help"),
    }
    best = dict.fromkeys(commands, float("inf"))
    for _ in range(4):  # in turn, so that a busy machine slows all of them
        for name, command in commands.items():
            before = os.times()
            assert run(*command).returncode == 0
            after = os.times()  # the processor's time: waiting for a busy one is not the command's
            used = after.children_user + after.children_system - before.children_user - before.children_system
            best[name] = min(best[name], used)
    assert best["import"] < best["numpy"] + 0.2
    assert best["help"] < best["numpy"] + 0.2


def csv(name: str, text: str) -> str:
    Path(name).write_text(text)
    return name


GOOD = "a,b,y\n" + "".join(f"{i * 0.1:.2f},{i * 7 % 5},{'pqr'[i % 3]}\n" for i in range(30))


def test_the_command_line_keeps_its_promise_on_odd_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = csv("good.csv", GOOD)
    csv("u20.toml", 'loss="CrossEntropy"\n[[layers]]\ntype="Dense"\nunits=20\n[[layers]]\ntype="Softmax"\n')
    x, y = np.ones((20, 4)), np.arange(20) % 2
    np.savez("d.npz", x_train=x, y_train=y, x_test=x[:, :3], y_test=y)
    before = sorted(p.name for p in tmp_path.iterdir())
    for argv in (
        ["train", good, "--network", "u20.toml"],
        ["train", "d.npz"],
        ["train", good, "--dtype", "f4,("],
        ["train", good, "--target", "9" * 5000],
        ["train", "a\nb.csv"],
        ["train", "mnist", "--data", "a" * 300],
        ["test", "a" * 300],
        ["train", csv("one.csv", "a,y\n" + "1,p\n" * 9)],
    ):
        assert main([*argv, *(QUICK if argv[0] == "train" else [])]) == 2, argv
        error = capsys.readouterr().err
        assert error.count("\n") == 1, argv
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*before, "one.csv"])


@pytest.mark.parametrize("loss", ["SquaredError", "AbsoluteError", "Hinge", "BinaryCrossEntropy", "CrossEntropy"])
def test_every_loss_on_classes_from_the_command_line(loss: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "digits", "--loss", loss, *QUICK, "--out", "r"]) == 0
    assert main(["test", "r", "--no-pictures"]) == 0
    assert "most confused" in capsys.readouterr().out


def test_class_names_that_look_like_mathematics_or_chinese(tmp_path: Path) -> None:
    names = ["$a^$", "\u4e2d\u6587", "x" * 500]
    rows = "".join(f"{i},{i * 7 % 5},{names[i % 3]}\n" for i in range(30))
    assert main(["train", csv("m.csv", "a,b,y\n" + rows), "--epochs", "1", "--quiet", "--out", "r"]) == 0
    assert (tmp_path / "r" / "confusion_matrix.png").exists()


def test_damaged_run_descriptions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", csv("good.csv", GOOD), *QUICK, "--out", "r"]) == 0
    capsys.readouterr()
    run = Path("r/run.toml").read_text()
    for change in ('seed = "a"', "seed = -1", "target = 5", "directory = 5", "seed = " + "9" * 5000):
        Path("r/run.toml").write_text(run.replace("seed = 0", change, 1))
        assert main(["test", "r"]) == 2
        assert capsys.readouterr().err.count("\n") == 1
