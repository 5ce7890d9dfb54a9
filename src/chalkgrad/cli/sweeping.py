"""A sweep of the command: its runs checked, trained by many processes, and tabled."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import Any, NoReturn

from ..base.checks import choice, whole
from ..base.errors import ChalkgradError, OptionError
from ..base.messages import complain, say
from ..base.text import as_json, shortened, visible
from ..engines.blas import THREADS, held_to
from ..engines.choice import ENGINES
from ..files.writing import locked
from ..parallel.failure import DiedError, Failure
from ..parallel.mapped import cores, mapped
from ..runs import directory as run_directory
from ..sweep import directory, table
from ..sweep.picture import picture
from ..sweep.plan import Plan, Run, read_plan
from ..train.checkpoints import FOLDER, checkpoint_files
from ..train.signals import Interrupts
from . import train
from .jobs import new_job, resumed_job
from .options import RUNS
from .output import fitted, terminal_width
from .pictures import save_pictures
from .training import train as train_job
from .training import training_of

RETRIES = 2
"""So often a run is tried again whose process died; it goes on from its last checkpoint."""
PATIENCE = 60.0
"""Seconds that the runs under way get to save themselves after Ctrl-C."""
WIDTH = 80


@dataclass(frozen=True, slots=True)
class Order:
    """A run as it is given to the process that trains it.

    Attributes:
        run: the run.
        folder: its run directory.
        options: words that do not change what it computes: where the data lie on this machine, and the like.
    """

    run: Run
    folder: str
    options: tuple[str, ...]


class _Words(ArgumentParser):
    """A parser that raises what is wrong."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(message)


def _parser() -> _Words:
    """The parser of `chalkgrad train`."""
    parser = _Words(prog="chalkgrad train", add_help=False, allow_abbrev=False)
    train.add_arguments(parser)
    return parser


def options_of_train() -> dict[str, bool]:
    """The options of `chalkgrad train`, and whether each takes a value."""
    actions = _parser()._option_string_actions  # pyright: ignore[reportPrivateUsage]
    return {option.removeprefix("--"): action.nargs != 0 for option, action in actions.items()}


def sweep(arguments: Namespace) -> int:
    """Trains what is not done and shows the table; 0, 1 where a run failed, 128 + the signal that stopped it.

    Raises:
        ChalkgradError: where the plan cannot be read, some of its settings cannot be trained with, or the folder
            holds something else. Nothing is begun then.
    """
    path = Path(arguments.file)
    plan = read_plan(path, options_of_train())
    workers = max(1, cores() // plan.threads) if arguments.workers is None else arguments.workers
    whole("sweep", "workers", workers)
    if arguments.ray is not None and arguments.workers is not None:
        raise OptionError("sweep: --workers are processes here, --ray is a cluster with workers of its own: give one")
    out = (RUNS / path.stem if arguments.out is None else Path(arguments.out)).resolve()
    options = () if arguments.data is None else ("--data", str(Path(arguments.data).resolve()))
    runs = list(plan.runs())
    sources = _check(plan, runs, options)
    run_directory.prepare(out)
    with locked(out, "another sweep"):
        news = directory.check_plan(out, runs)
        waiting = [run for run in runs if not directory.is_finished(out / run.name, run)]
        for name, source in sources.items():
            directory.check_data(out / name, source)
        directory.write_plan(out, runs)
        _begin(plan, runs, waiting, workers, arguments, news)
        orders = [Order(run, str(out / run.name), (*options, *_quiet(plan))) for run in waiting]
        interrupts, errors = Interrupts((SIGINT, SIGTERM), _interrupted), dict[str, str]()
        progress = _Progress(out, orders)
        with contextlib.suppress(KeyboardInterrupt), interrupts:
            for order, result in zip(
                orders,
                mapped(
                    train_run, orders, workers=min(workers, len(orders)), ray=arguments.ray,
                    processors=plan.threads, retries=RETRIES,
                    patience=PATIENCE, done=progress.tell if not arguments.json else None,
                ),
                strict=True,
            ):  # fmt: skip
                if isinstance(result, Failure):
                    errors[order.run.name] = shortened(_reason(result))
        outcomes = [directory.outcome(out, run, errors.get(run.name, "")) for run in runs]
        _report(plan, outcomes, out, arguments)
    if interrupts.came is not None:
        complain(f"chalkgrad sweep: interrupted; go on with: {_again(arguments)}")
        return 128 + interrupts.came
    return 1 if any(o.status != "done" for o in outcomes) else 0


def train_run(order: Order) -> None:
    """Trains one run, or goes on with it, in the process that it is called in; nothing where it has ended before.

    Raises:
        ChalkgradError: where it cannot be trained.
        InterruptedError: where a signal ended it; it can be gone on with.
    """
    folder, log = Path(order.folder), io.StringIO()
    if directory.is_finished(folder, order.run):
        return
    begun = bool(checkpoint_files(folder / FOLDER))
    if begun:
        kept = [w for w in order.run.words[1:] if w.partition("=")[0] in ("--engine", "--checkpoint-every", "--keep")]
        words = ["--resume", order.folder, *kept, *order.options]
    else:
        words = [*order.run.words, "--out", order.folder, *order.options]
    arguments = _parser().parse_args(words)
    try:
        with _threads(order.run.threads), contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            code = train_job(resumed_job(arguments) if begun else new_job(arguments), arguments)
    finally:
        with contextlib.suppress(ChalkgradError):
            if folder.is_dir():
                run_directory.write(folder, directory.LOG, log.getvalue())
    if code > 1:
        raise InterruptedError("it was interrupted")
    directory.finish(folder, order.run)


@contextlib.contextmanager
def _threads(count: int) -> Generator[None]:
    """Has everything compute with so many threads."""
    before = os.environ.get(THREADS)
    os.environ[THREADS] = str(count)
    try:
        with held_to(count):
            yield
    finally:
        if before is None:
            del os.environ[THREADS]
        else:
            os.environ[THREADS] = before


def _check(plan: Plan, runs: Sequence[Run], options: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Makes one training of every choice of settings ready, as far as that takes no time.

    Returns:
        What run.toml will say of the data of these trainings, by the runs' names.

    Raises:
        OptionError: where any cannot be; it names them.
    """
    faults: list[str] = []
    sources: dict[str, dict[str, Any]] = {}
    for group in plan.groups:
        run = next(r for r in runs if r.group is group)
        try:
            arguments = _parser().parse_args([*run.words, *options, *_quiet(plan)])
            choice("fit", "engine", arguments.engine, ENGINES)
            arguments.engine, arguments.keep = "numpy", 0  # nothing is compiled, and nothing kept
            with contextlib.redirect_stderr(io.StringIO()):  # what is to be said is said in the run's log
                job = new_job(arguments)
                training_of(job, arguments)
            sources[run.name] = job.source
        except (ChalkgradError, OSError) as error:
            faults.append(f"{group.name or 'the settings'}: {error}")
    if faults:
        few = "; ".join(shortened(fault) for fault in faults[:3]) + ("; ..." if len(faults) > 3 else "")
        raise OptionError(f"{plan.path}: {len(faults)} of {len(plan.groups)} settings cannot be trained with: {few}")
    return sources


def _quiet(plan: Plan) -> tuple[str, ...]:
    return ("--quiet",) if plan.pictures else ("--quiet", "--no-pictures")


def _interrupted() -> NoReturn:
    complain("\ninterrupted: the runs under way save what they have; a second Ctrl-C ends at once")
    raise KeyboardInterrupt


def _reason(failure: Failure) -> str:
    """Why a run failed; of what is no error of chalkgrad's, its kind too."""
    error = failure.error
    plain = isinstance(error, (ChalkgradError, OSError, DiedError))
    return str(failure) if plain else f"{type(error).__name__}: {failure}"


class _Progress:
    """Says what came of a run as soon as it has.

    Args:
        out: the sweep's folder.
        orders: what is to be done.
    """

    def __init__(self, out: Path, orders: Sequence[Order]) -> None:
        self.out, self.total, self.count = out, len(orders), 0

    def tell(self, order: Order, result: Failure | None) -> None:
        """Says it."""
        self.count += 1
        if isinstance(result, Failure):
            told = f"failed: {_reason(result)}"
        else:
            o = directory.outcome(self.out, order.run)
            score = f"loss {o.loss:.4g}" if o.accuracy is None and o.loss is not None else ""
            score = f"accuracy {o.accuracy:.2%}" if o.accuracy is not None else score
            epochs = f"{o.epochs} epoch{'s' * (o.epochs != 1)}"
            told = f"{epochs}, {o.seconds:.1f} s: {f'test {score}' if o.status == 'done' else o.error}"
        say(fitted(f"[{self.count}/{self.total}] {visible(order.run.name)}: {shortened(told)}"))


def _begin(
    plan: Plan, runs: Sequence[Run], waiting: Sequence[Run], workers: int, arguments: Namespace, news: str
) -> None:
    """Says what will be done."""
    if arguments.json:
        return
    if news:
        say(fitted(news))
    counts = f"{len(plan.groups)} setting{'s' * (len(plan.groups) > 1)} with "
    counts += f"{len(plan.seeds)} seed{'s' * (len(plan.seeds) > 1)}"
    done = len(runs) - len(waiting)
    kept = f"{done} {'is' if done == 1 else 'are'} done, " if done else ""
    told = f"{len(runs)} run{'s' * (len(runs) > 1)}, {counts}: {kept}{len(waiting)} to train"
    if waiting:
        where = f"on Ray at {arguments.ray}" if arguments.ray else f"{min(workers, len(waiting))} at a time"
        told += f", {where}, {plan.threads} thread{'s' * (plan.threads > 1)} each"
    say(fitted(told))


def _report(plan: Plan, outcomes: Sequence[directory.Outcome], out: Path, arguments: Namespace) -> None:
    """The table, the files, and the runs that failed."""
    found = table.rows(plan, outcomes)
    run_directory.write(out, directory.RESULTS, table.as_csv(plan, outcomes))
    names = [directory.RESULTS]
    if not arguments.no_pictures:
        names += save_pictures("sweep", out, {directory.PICTURE: lambda: picture(found)})
    if arguments.json:
        print(as_json(table.as_table(plan, found), allow_nan=False))
    else:
        say(f"\n{table.text(plan, found, terminal_width() or WIDTH)}\n")
        say(fitted(table.note(found)))
        say(fitted(f"saved in {visible(str(out))}: {', '.join(names)}, and a run directory for every run"))
    for name in table.unlike(found):
        complain(f"chalkgrad sweep: {name or 'the runs'}: some were compiled and some not; engine = ... says which")
    for o in outcomes:
        if o.status in ("failed", "diverged"):
            complain(f"chalkgrad sweep: {visible(o.run.name)} {o.status}: {shortened(o.error)}")


def _again(arguments: Namespace) -> str:
    words = ["chalkgrad", "sweep", arguments.file]
    for option in ("workers", "ray", "data", "out"):
        if (value := getattr(arguments, option)) is not None:
            words += [f"--{option}", str(value)]
    return visible(shlex.join(words))
