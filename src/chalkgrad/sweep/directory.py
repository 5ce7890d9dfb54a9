"""The folder of a sweep: what was planned, a folder for every run, and what came of it.

sweep.json        the command of every run, which trains the same alone
NAME/             a run directory, as `chalkgrad train` makes it (see `chalkgrad.runs.directory`), and beside that
NAME/finished.json    which command made it and which weights it ended with: it is kept when the sweep is started again
NAME/log.txt          what `chalkgrad train` said
results.csv       a line for every run
sweep.png         the picture
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.checks import as_table
from ..base.errors import CheckpointError, DataError, OptionError
from ..base.text import as_json
from ..files.writing import MOST_TEXT, read_bounded
from ..model.saved import current_weights, read_toml
from ..runs import directory as run_directory
from ..train.history import StopReason
from .plan import Run, same_settings

RECORD, RESULTS, PICTURE = "sweep.json", "results.csv", "sweep.png"
FINISHED, LOG = "finished.json", "log.txt"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        run: which.
        status: "done"; "diverged" where its loss is no longer finite; "failed"; or "waiting" where it has not ended.
        error: why it failed.
        epochs, steps, seconds, engine: as run.toml has them.
        training_loss: the last epoch's.
        validation_loss, validation_accuracy: those of the best epoch; None where nothing was set aside.
        loss, accuracy: of the test set.
        curve: the loss of every epoch, of the validation samples where there are some.
    """

    run: Run
    status: str
    error: str = ""
    epochs: int | None = None
    steps: int | None = None
    seconds: float | None = None
    engine: str = ""
    training_loss: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    loss: float | None = None
    accuracy: float | None = None
    curve: tuple[float, ...] = ()


def check_plan(out: Path, runs: Sequence[Run]) -> str:
    """Whether a folder may be gone on with; what has been planned anew since, as a line, or "".

    Raises:
        OptionError: where a run that is there was made by other settings, or by something else.
    """
    commands = _commands(out)
    for run in runs:
        if not (out / run.name).exists():
            continue
        before = commands.get(run.name)
        if before is None:
            raise OptionError(f"{out / run.name} is no run of this sweep; give another --out, or move it away")
        if before != run.command:
            changed = " ".join(same_settings(before, run.command))
            raise OptionError(
                f"the plan has changed: {out / run.name} was begun with other settings ({changed}); "
                "give another --out, or delete that folder"
            )
    names = {run.name for run in runs}
    new, gone = [n for n in names if n not in commands], [n for n in commands if n not in names]
    if not commands or not (new or gone):
        return ""
    left = f"{len(gone)} are no longer in it and left as they are" if gone else ""
    return "the plan has changed: " + ", ".join(filter(None, (f"{len(new)} runs are new" if new else "", left)))


def write_plan(out: Path, runs: Sequence[Run]) -> None:
    """Notes the command of every run, beside those of earlier plans."""
    commands = {**_commands(out), **{run.name: run.command for run in runs}}
    run_directory.write(out, RECORD, as_json({"runs": commands}) + "\n")


def finish(folder: Path, run: Run) -> None:
    """Notes that a run has ended by itself."""
    table = {"command": run.command, run_directory.WEIGHTS: current_weights(folder)}
    run_directory.write(folder, FINISHED, as_json(table) + "\n")


def is_finished(folder: Path, run: Run) -> bool:
    """Whether a run has ended by itself, and is as it was then.

    Raises:
        OptionError: where another network was saved there since.
    """
    if not (folder / FINISHED).is_file():
        return False
    table = _json(folder / FINISHED)
    if table.get("command") != run.command or table.get(run_directory.WEIGHTS) != current_weights(folder):
        raise OptionError(f"{folder} has changed since the sweep made it; give another --out, or delete that folder")
    return True


def check_data(folder: Path, source: Mapping[str, Any]) -> None:
    """Raises OptionError where a run that has ended was trained on other data than there are now.

    Args:
        folder: its folder.
        source: what run.toml would say of the data today.
    """
    if not (folder / FINISHED).is_file():
        return
    before = run_directory.read_run(folder).get("content")
    if before != source.get("content"):
        raise OptionError(
            f"the data have changed: {folder} was trained on what {source['source']} held before; give another --out, "
            "or put the earlier data back"
        )


def outcome(out: Path, run: Run, error: str = "") -> Outcome:
    """What came of a run.

    Args:
        out: the sweep's folder.
        run: which.
        error: why it failed, where that is known.

    Raises:
        OptionError, CheckpointError: where its folder is not as it was when it ended.
    """
    folder = out / run.name
    if not is_finished(folder, run):
        return Outcome(run, "failed" if error else "waiting", error)
    result = as_table(read_toml(run_directory.location(folder, run_directory.RUN)).get("result")) or {}
    test = _json(run_directory.location(folder, run_directory.TEST))
    epochs = _epochs(run_directory.location(folder, run_directory.HISTORY))
    best = result.get("best_epoch")
    judged: Mapping[str, Any] = next((e for e in epochs if e.get("epoch") == best), epochs[-1] if epochs else {})
    diverged = result.get("stop_reason") == str(StopReason.NOT_FINITE)
    losses = [e.get("val_loss", e.get("loss")) for e in epochs]
    return Outcome(
        run,
        "diverged" if diverged else "done",
        str(result.get("stop_detail") or result.get("stop_reason")) if diverged else "",
        result.get("epochs"),
        result.get("steps"),
        result.get("seconds"),
        str(result.get("engine", "")),
        result.get("training_loss"),
        judged.get("val_loss"),
        judged.get("val_accuracy"),
        test.get("loss"),
        test.get("accuracy"),
        tuple(float("nan") if loss is None else float(loss) for loss in losses),
    )


def _commands(out: Path) -> dict[str, str]:
    """The commands that were noted in a folder; none where there are none."""
    if not (out / RECORD).is_file():
        return {}
    table = as_table(_json(out / RECORD).get("runs"))
    if table is None or not all(isinstance(command, str) for command in table.values()):
        raise OptionError(f"{out / RECORD} is no record of a sweep; give another --out")
    try:
        for command in table.values():
            shlex.split(command)
    except ValueError:
        raise OptionError(f"{out / RECORD} is damaged; give another --out") from None
    return table


def _json(path: Path) -> dict[str, Any]:
    try:
        table = as_table(json.loads(read_bounded(path, MOST_TEXT, DataError)))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None
    if table is None:
        raise CheckpointError(f"{path} is damaged: it holds no table")
    return table


def _epochs(path: Path) -> list[dict[str, Any]]:
    try:
        lines = read_bounded(path, MOST_TEXT, DataError).decode().splitlines()
        return [as_table(json.loads(line)) or {} for line in lines]
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None
