"""A training of the command: its lines, its checkpoints, and what it saves."""

from __future__ import annotations

import math
import shlex
import warnings
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals

import numpy as np

from .. import __version__
from ..base.errors import OptionError
from ..base.messages import say
from ..base.text import visible, visible_lines
from ..data import Dataset
from ..data.vocabulary import Vocabulary
from ..describe.optimizers import Optimizer
from ..describe.settings import to_table
from ..files.writing import locked
from ..model.saved import current_weights
from ..network import Network
from ..plots.curves import learning_curves
from ..plots.kernels import first_layer
from ..runs import directory as run_directory
from ..runs.characters import check_model, generate
from ..runs.findings import examine, outputs_fit, pictures, save_results
from ..runs.recipes import Recipe
from ..train.checkpoints import FOLDER, Checkpoints, CheckpointWarning, forget
from ..train.fit import Fit
from ..train.history import History, StopReason
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
    with locked(job.out, "another training"):
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
    _say(_recipe_text(job.plan, job.recipe_optimizer))
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
    _say(f"stopped after {count}, {training.seconds():.1f} s: {history.stop_reason}{detail}")
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


def _say(line: str, command: str = "") -> None:
    say(fitted(line, command))


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
        engine=arguments.engine,
        checkpoints=None if keep == 0 else Checkpoints(job.out / FOLDER, seconds, keep=keep),
        resume=job.checkpoint,
        extra={"name": job.name, "data": job.source, "training": plan.to_table()},
        signals=(SIGINT, SIGTERM),
    )


def _recipe_text(plan: Recipe, recipe_optimizer: Optimizer | None) -> str:
    """The recipe in a line.

    Args:
        plan: the recipe.
        recipe_optimizer: the recipe's own optimizer, where another was asked for.
    """
    optimizer = plan.optimizer
    parts = [f"{optimizer.kind} with learning rate {optimizer.learning_rate:g}"]
    if recipe_optimizer is not None:
        settings = ", ".join(
            f"{k.replace('_', ' ')} {v:g}" for k, v in to_table(recipe_optimizer).items() if k != "type"
        )
        default = optimizer.learning_rate == type(optimizer)().learning_rate
        origin = f"{optimizer.kind}'s default" if default else "as given"
        parts[0] += f" ({origin}; the recipe's was {recipe_optimizer.kind} with {settings or 'its defaults'})"
    if plan.schedule.kind != "Constant":
        parts.append(f"schedule {plan.schedule.kind}")
    parts.append(f"batches of {plan.batch_size}")
    if plan.validation:
        parts.append(f"{plan.validation:.0%} for validation")
    if plan.epochs is not None:
        parts.append(f"{plan.epochs} epochs")
    if plan.patience is not None:
        watched = "validation" if plan.validation else "training"
        parts.append(f"until the {watched} loss has not improved for {plan.patience} epochs")
    return ", ".join(parts)


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
        findings = examine(network, data, arguments.engine)
        _say(f"test set: {findings.score}")
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
