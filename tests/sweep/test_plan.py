"""What sweep.toml may say, and what is said where it does not."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from chalkgrad.base.errors import DataError
from chalkgrad.cli.sweeping import options_of_train
from chalkgrad.sweep.plan import Plan, read_plan

OPTIONS = options_of_train()


def plan_of(folder: Path, text: str) -> Plan:
    (folder / "sweep.toml").write_text(text)
    return read_plan(folder / "sweep.toml", OPTIONS)


def test_every_combination_with_every_seed_and_single_runs(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        """
data = "spiral"
seeds = [3, 5]
threads = 2
[settings]
epochs = 4
batch_size = 16
[grid]
learning-rate = [0.1, 1e-3]
optimizer = ["SGD", "Adam"]
[[run]]
name = "long one"
epochs = 40
""",
    )
    runs = list(plan.runs())
    assert len(plan.groups) == 5
    assert len(runs) == 10
    assert [r.name for r in runs[:3]] == [
        "learning-rate=0.1,optimizer=SGD,seed=3",
        "learning-rate=0.1,optimizer=SGD,seed=5",
        "learning-rate=0.1,optimizer=Adam,seed=3",
    ]
    assert runs[-1].name == "long one,seed=5"
    assert runs[2].command == (
        "CHALKGRAD_THREADS=2 chalkgrad train spiral --epochs=4 --batch-size=16 --learning-rate=0.1 --optimizer=Adam --seed=3"
    )
    assert shlex.split(runs[-1].command)[2:] == ["train", "spiral", "--epochs=40", "--batch-size=16", "--seed=5"]
    assert plan.columns() == ["learning-rate", "optimizer", "epochs"]


def test_the_least_there_is(tmp_path: Path) -> None:
    (run,) = plan_of(tmp_path, "").runs()
    assert (run.name, run.words) == ("seed=0", ("digits", "--seed=0"))
    assert [r.seed for r in plan_of(tmp_path, "seeds = 4").runs()] == [0, 1, 2, 3]


def test_files_are_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = 'data = "a.csv"\n[settings]\ndata = "mnist"\n[grid]\nnetwork = ["mlp", "nets/own.toml"]'
    first, second = plan_of(tmp_path, text).runs()
    assert first.words == (str(tmp_path / "a.csv"), f"--data={tmp_path / 'mnist'}", "--network=mlp", "--seed=0")
    assert second.words[2] == f"--network={tmp_path / 'nets' / 'own.toml'}"
    assert second.name == "network=own,seed=0"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epochs = 3", "it is a setting, so it belongs below [settings]"),
        ("seed = 3", "did you mean 'seeds'"),
        ("data = 3", "data is a name or a path"),
        ("seeds = 0", "seeds must be a whole number, 1 or more"),
        ("seeds = []", "seeds is a number of them or a list of different ones"),
        ("seeds = [1, 1]", "seeds is a number of them or a list of different ones"),
        ("seeds = [-1]", "seed must be"),
        ("seeds = 20000", "more than 10,000 runs"),
        ("threads = 0", "threads must be"),
        ("pictures = 1", "pictures"),
        ("[settings]\nlearning_rat = 1", "did you mean 'learning-rate'"),
        ("[settings]\nseed = 1", "seeds stand at the top"),
        ("[settings]\nlog = 'x'", "all runs would write into the same folder"),
        ("[settings]\nout = 'x'", "every run has its folder"),
        ("[settings]\nepochs = [1, 2]", "several values stand in [grid]"),
        ("[settings]\nepochs = true", "epochs is a number or text"),
        ("settings = 3", "[settings] is a table"),
        ("grid = 3", "[grid] is a table of lists"),
        ("[grid]", "[grid] is a table of lists"),
        ("[grid]\nepochs = 3", "[grid] has a list of values for epochs"),
        ("[grid]\nepochs = []", "[grid] has a list of values for epochs"),
        ("[grid]\nepochs = [1, 1]", "has a value of epochs twice"),
        (f"[grid]\nepochs = {list(range(200))}\nbatch_size = {list(range(200))}", "more than 10,000 combinations"),
        ("[run]\nname = 'a'", "two brackets"),
        ("[[run]]\nepochs = 3", "every [[run]] has a name"),
        ("[[run]]\nname = '../up'", "every [[run]] has a name"),
        ("[[run]]\nname = 'a'\n[[run]]\nname = 'a'", "two runs are called 'a'"),
        ("[grid", "is no TOML file"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError) as error:
        plan_of(tmp_path, text)
    assert said in str(error.value)
    assert "sweep.toml" in str(error.value)


def test_the_plan_in_the_docs(tmp_path: Path) -> None:
    docs = (Path(__file__).parents[2] / "docs" / "parallel.md").read_text("utf-8")
    plan = plan_of(tmp_path, docs.partition("```toml\n")[2].partition("```")[0])
    assert (len(plan.groups), len(list(plan.runs()))) == (7, 35)
    assert "35 runs, 7 settings with 5 seeds" in docs
