"""A training of the command: its lines, its checkpoints, and what it saves."""

from __future__ import annotations

import contextlib
import math
import shlex
import sys
import warnings
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals

import numpy as np

from .. import __version__
from ..base.errors import OptionError
from ..base.messages import Lossy, say
from ..base.text import visible, visible_lines
from ..data import Dataset
from ..data.vocabulary import Vocabulary
from ..files.writing import locked
from ..model.saved import current_weights
from ..network import Network
from ..plots.curves import learning_curves
from ..plots.kernels import first_layer
from ..runs import directory as run_directory
from ..runs.characters import check_model, generate
from ..runs.findings import examine, outputs_fit, pictures, save_results
from ..runs.recipes import Recipe
from ..train.callbacks import Callback, Training
from ..train.checkpoints import FOLDER, Checkpoints, CheckpointWarning, forget
from ..train.fit import Fit
from ..train.history import History, Record, StopReason
from ..train.tensorboard import TensorBoard
from .jobs import Job, show_warning
from .output import fitted
from .pictures import save_pictures

MADE_UP, PIECE = 8, 200
"""So many names are shown that the network made up, or so many characters of a text."""


def train(job: Job, arguments: Namespace) -> int:
    """Trains, tests and saves; 0, 1 where the loss is no longer finite, or 128 + the signal that stopped it.

    Raises:
        ChalkgradError: where the job's network, data and options do not fit each other, or cannot be saved.
    """
    training = training_of(job, arguments)  # what does not fit is found before anything is written
    if training.keeper is not None:
        training.keeper.alone = job.checkpoint is None
    run_directory.prepare(job.out)
    quiet = contextlib.redirect_stdout(sys.stderr) if arguments.json else contextlib.nullcontext()
    with locked(job.out, "another training"), quiet:
        run_directory.tidy(job.out)
        return _train(job, training, arguments)


def _train(job: Job, training: Fit, arguments: Namespace) -> int:
    data, history = job.data, training.history
    name = visible(data.name)
    _say(f"{name}: {len(data.x_train):,} samples to train and validate on, {len(data.x_test):,} to test on")
    for note in data.notes:
        _say(visible(note))
    layers = " - ".join(layer.kind for layer in job.network.layers)
    _say(f"{visible(job.name)}: {layers}, {job.network.flat.size:,} parameters")
    _say(_recipe_text(job.plan, job.rate_origin))
    if job.checkpoint is not None:
        _say(f"resumed after {history.steps:,} steps ({len(history)} epochs), from {job.checkpoint.path.name}")
    _say(f"engine: {history.engine}")
    signal: Signals | None = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # said below, in the command's own words
            warnings.simplefilter("always", CheckpointWarning)
            warnings.showwarning = show_warning
            training.run()
    except KeyboardInterrupt:
        signal = training.interrupts.came or SIGINT
    detail = f", {history.stop_detail}" if history.stop_detail else ""
    count = f"{len(history)} epoch{'s' * (len(history) != 1)}"
    lost = history.stop_reason is StopReason.NOT_FINITE
    _say(
        f"stopped after {count}, {training.seconds():.1f} s: {history.stop_reason}{detail}", style="red" if lost else ""
    )
    if training.keeper is not None:
        training.keeper.forget_others()
    else:
        forget(job.out / FOLDER)  # or --resume would go back to an earlier training's
    _save(job, arguments, training, interrupted=signal is not None)
    if signal is not None:
        if training.keeper is not None:
            _say("resume with:", f"chalkgrad train --resume {_quoted(job.out)}")
        return 128 + signal
    return 1 if history.stop_reason is StopReason.NOT_FINITE else 0


def _say(line: str, command: str = "", style: str = "") -> None:
    say(fitted(line, command, style))


def _quoted(path: Path) -> str:
    return visible(shlex.quote(str(path)))


def training_of(job: Job, arguments: Namespace) -> Fit:
    """The training, made ready.

    Raises:
        ChalkgradError: where the job's network, data and options do not fit each other.
    """
    data, network = job.data, job.network
    if not outputs_fit(network, data):
        raise OptionError(
            f"{job.name} has {network.output_shape} outputs, but {data.name} has {len(data.classes)} classes: "
            f"{', '.join(data.classes[:10])}"
        )
    if not network.parameters:
        raise OptionError(f"{job.name} has no weights, so there is nothing to train")
    network.samples_and_targets(data.x_test, data.y_test)
    if data.vocabulary is not None:
        check_model(network, data.vocabulary)
    plan, keep = job.plan, 2 if arguments.keep is None else arguments.keep
    seconds = 60.0 if arguments.checkpoint_every is None else arguments.checkpoint_every
    return Fit(
        job.network,
        job.data.x_train,
        job.data.y_train,
        optimizer=plan.optimizer,
        schedule=plan.schedule,
        batch_size=plan.batch_size,
        epochs=plan.epochs,
        patience=plan.patience,
        min_improvement=plan.min_improvement,
        validation=plan.validation or None,
        stop_below=plan.stop_below,
        max_steps=plan.max_steps,
        progress=not arguments.quiet,
        metrics=plan.metrics,
        class_weight=plan.class_weight,
        callbacks=_callbacks(arguments),
        engine=arguments.engine,
        checkpoints=None if keep == 0 else Checkpoints(job.out / FOLDER, seconds, keep=keep),
        resume=job.checkpoint,
        extra={"name": job.name, "data": job.source, "training": plan.to_table()},
        signals=(SIGINT, SIGTERM),
    )


def _callbacks(arguments: Namespace) -> list[Callback]:
    """What writes each epoch's numbers while it trains."""
    lines: list[Callback] = [JsonLines()] if arguments.json else []
    return [*lines, TensorBoard(arguments.log)] if arguments.log else lines


def _recipe_text(plan: Recipe, origin: str) -> str:
    """The recipe in a line; `origin` says where the learning rate is from."""
    optimizer = plan.optimizer
    parts = [f"{optimizer.kind} with learning rate {optimizer.learning_rate:g} ({origin})"]
    if plan.schedule.kind != "Constant":
        parts.append(f"schedule {plan.schedule.kind}")
    parts.append(f"batches of {plan.batch_size}")
    if plan.class_weight is not None:
        parts.append(f"classes {plan.class_weight}")
    if plan.validation:
        parts.append(f"{plan.validation:.0%} for validation")
    if plan.epochs is not None:
        parts.append(f"{plan.epochs} epoch{'s' * (plan.epochs != 1)}")
    if plan.patience is not None:
        watched = "validation" if plan.validation else "training"
        parts.append(f"until the {watched} loss has not improved for {plan.patience} epoch{'s' * (plan.patience != 1)}")
    return ", ".join(parts)


class JsonLines(Callback):
    """A line of JSON on standard output for every epoch; what cannot be written is lost."""

    def __init__(self) -> None:
        self._stream = sys.stdout  # of this moment: meanwhile the command's other lines go elsewhere

    def on_epoch(self, training: Training, record: Record) -> None:
        print(record.to_json(), file=Lossy(self._stream), flush=True)


def _save(job: Job, arguments: Namespace, training: Fit, *, interrupted: bool) -> None:
    """Saves the network first, then tests it and saves the rest."""
    out, network, data, history = job.out, job.network, job.data, training.history
    names = ["network.toml and the weights as .npy", run_directory.RUN, run_directory.HISTORY]
    run = {
        "chalkgrad": __version__,
        "data": job.source,
        "training": job.plan.to_table(),
        "result": {
            "stop_reason": str(history.stop_reason),
            "stop_detail": history.stop_detail or None,
            "epochs": len(history),
            "steps": history.steps,
            "best_epoch": history.best_epoch,
            "seconds": round(training.seconds(), 3),
            "engine": history.engine,
            "training_loss": history.loss if math.isfinite(history.loss) else None,
        },
    }
    run_directory.save(out, network, run, history.to_jsonl())
    drawings: Mapping[str, Callable[[], bytes | str | None]] = {}
    if interrupted:
        _say("the test set was not run")
    else:
        findings = examine(network, data, arguments.engine, job.plan.metrics)
        _say(f"test set: {findings.score}", style="green")
        save_results(out, current_weights(out) or "", findings, data)
        names.append(run_directory.TEST)
        drawings = pictures(findings, data, network)
        if data.vocabulary is not None:
            _say_made_up(network, data, data.vocabulary)
    if not arguments.no_pictures:
        names += save_pictures("train", out, {**drawings, **_pictures(network, history)})
    _say(f"saved in {visible(str(out))}: {', '.join(names)}")
    _say("look closer with:", f"chalkgrad test {_quoted(out)}")
    if data.vocabulary is not None:
        _say("write more with:", f"chalkgrad generate {_quoted(out)}")


def _say_made_up(network: Network, data: Dataset, vocabulary: Vocabulary) -> None:
    """A few names that the network made up, or a piece of text."""
    if not vocabulary.ends:
        _say(f"it writes:\n{visible_lines(generate(network, vocabulary, length=PIECE)[0])}")
        return
    known = {vocabulary.decode(row) for x in (data.x_train, data.x_test) for row in np.asarray(x)}
    texts = [text for text in generate(network, vocabulary, count=3 * MADE_UP) if text and text not in known]
    _say(f"it made up: {', '.join(texts[:MADE_UP]) or 'nothing new'}")


def _pictures(network: Network, history: History) -> dict[str, Callable[[], bytes | None]]:
    """Functions that draw the pictures of the training, by the files' names."""
    return {
        run_directory.CURVES: lambda: learning_curves(history) if history.records else None,
        run_directory.FIRST_LAYER: lambda: first_layer(network),
    }
