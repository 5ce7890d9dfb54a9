"""chalkgrad train: trains a network on data, tests it, and saves everything in a run directory."""

from __future__ import annotations

import dataclasses
import math
import shlex
import warnings
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals
from typing import Any

from .. import __version__
from ..base.checks import as_table
from ..base.errors import CheckpointError, DataWarning, OptionError, unknown
from ..base.messages import complain, say
from ..base.text import visible
from ..data import Dataset
from ..describe.layers import Layer, Sigmoid, Softmax
from ..describe.losses import LOSSES
from ..describe.optimizers import OPTIMIZERS, Optimizer
from ..describe.schedules import SCHEDULES, Schedule
from ..describe.settings import from_table, to_table
from ..files.checkpoint import Checkpoint
from ..files.writing import locked
from ..model.saved import current_weights, read_toml
from ..network import Network
from ..runs import directory as run_directory
from ..runs.pictures import first_layer, learning_curves
from ..runs.recipes import NUMBERS, RECIPES, Recipe, recipe
from ..train.checkpoints import FOLDER, Checkpoints, CheckpointWarning, forget, newest
from ..train.fit import Fit
from ..train.history import History, StopReason
from . import test
from .pictures import save_pictures
from .sources import open_data, open_recorded, recorded

KEPT = (
    "epochs", "max_steps", "patience", "stop_below", "data", "engine", "quiet", "no_pictures", "checkpoint_every",
    "keep",
)  # fmt: skip
"""Options that a training may be gone on with; all others are those that it was begun with."""


@dataclass(frozen=True, slots=True)
class Job:
    """One training of the command.

    Attributes:
        name: what the network is called.
        out: the run directory.
        source: where the data are from, as run.toml has it.
        data, network, plan: they.
        found: the checkpoint from which it goes on; None for a new training.
        before: the recipe's own optimizer, where another was asked for.
    """

    name: str
    out: Path
    source: dict[str, Any]
    data: Dataset
    network: Network
    plan: Recipe
    found: Checkpoint | None = None
    before: Optimizer | None = None


def run(arguments: Namespace) -> int:
    """The command."""
    job = _new(arguments) if arguments.resume is None else _gone_on_with(arguments)
    data, network = job.data, job.network
    if not test.outputs_fit(network, data):
        raise OptionError(
            f"{job.name} has {network.output_shape} outputs, but {data.name} has {len(data.classes)} classes: "
            f"{', '.join(data.classes[:10])}"
        )
    if not network.parameters:
        raise OptionError(f"{job.name} has no weights, so there is nothing to train")
    network.samples_and_targets(data.x_test, data.y_test)
    training = _training(job, arguments)  # what does not fit is found before anything is written
    if training.keeper is not None:
        training.keeper.alone = job.found is None
    run_directory.prepare(job.out)
    with locked(job.out, "another training"):
        run_directory.tidy(job.out)
        return _train(job, training, arguments)


def _train(job: Job, training: Fit, arguments: Namespace) -> int:
    data, history = job.data, training.history
    name = visible(data.name)
    say(f"{name}: {len(data.x_train):,} samples to train and validate on, {len(data.x_test):,} to test on")
    for note in data.notes:
        say(visible(note))
    layers = " - ".join(layer.kind for layer in job.network.layers)
    say(f"{visible(job.name)}: {layers}, {job.network.flat.size:,} parameters")
    say(_recipe_text(job.plan, job.before))
    if job.found is not None:
        say(f"goes on after {history.steps:,} steps ({len(history)} epochs), from {job.found.path.name}")
    say(f"engine: {history.engine}")
    came: Signals | None = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # said below, in the command's own words
            warnings.simplefilter("always", CheckpointWarning)
            warnings.showwarning = _say
            training.run()
    except KeyboardInterrupt:
        came = training.interrupts.came or SIGINT
    detail = f", {history.stop_detail}" if history.stop_detail else ""
    count = f"{len(history)} epoch{'s' * (len(history) != 1)}"
    say(f"stopped after {count}, {training.seconds():.1f} s: {history.stop_reason}{detail}")
    if training.keeper is not None:
        training.keeper.forget_others()
    else:
        forget(job.out / FOLDER)  # or --resume would go back to an earlier training's
    _save(job, arguments, training, interrupted=came is not None)
    if came is not None:
        if training.keeper is not None:
            say(f"go on with: chalkgrad train --resume {_quoted(job.out)}")
        return 128 + came
    return 1 if history.stop_reason is StopReason.NOT_FINITE else 0


def _quoted(path: Path) -> str:
    return visible(shlex.quote(str(path)))


def _say(message: Warning | str, *further: Any) -> None:
    complain(f"chalkgrad train: {message}")


def _new(arguments: Namespace) -> Job:
    """A training from the beginning."""
    given, network_name = arguments.source or "digits", arguments.network or "mlp"
    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        warnings.showwarning = _say
        data = open_data(
            given, directory=arguments.data, target=arguments.target, seed=arguments.seed or 0, task=arguments.task,
            header=arguments.header, loss=arguments.loss or _loss_of(network_name),
        )  # fmt: skip
        plan, network = _network(arguments, network_name, data)
        data = data.astype(network.dtype)
    name = Path(network_name).stem
    for path in (given, arguments.data or ""):
        if not path.isprintable() and path.encode(errors="replace").decode() != path:
            raise OptionError(f"the name of {path!r} is no UTF-8, so it cannot be written into run.toml")
    source = {
        "source": given if given == data.name else str(Path(given).resolve()),
        "directory": str(Path(arguments.data).resolve()) if arguments.data else None,
        "target": arguments.target,
        "task": arguments.task if given == data.name else "classes" if data.classes else "regression",
        "header": arguments.header,
        "seed": arguments.seed or 0,
    }
    out = Path(arguments.out) if arguments.out else test.RUNS / f"{data.name}-{name}"
    changed = _overridden(plan, arguments)
    before = None if type(changed.optimizer) is type(plan.optimizer) else plan.optimizer
    return Job(name, out, recorded(source, data), data, network, changed, before=before)


def _gone_on_with(arguments: Namespace) -> Job:
    """A training that was stopped before."""
    for name, value in vars(arguments).items():
        if name not in (*KEPT, "resume", "command") and value is not None:
            option = "DATA" if name == "source" else f"--{name.replace('_', '-')}"
            known = ", ".join(f"--{k.replace('_', '-')}" for k in KEPT)
            raise OptionError(f"a training is gone on with as it was begun: leave {option} out ({known} may be given)")
    if arguments.keep == 0:
        raise OptionError(
            "what is gone on with keeps checkpoints, or the next --resume would go back: --keep is 1 or more"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("always", CheckpointWarning)
        warnings.showwarning = _say
        found = newest(arguments.resume)
    extra = as_table(found.table.get("extra")) or {}
    source, plan, name = as_table(extra.get("data")), as_table(extra.get("training")), extra.get("name")
    place = found.path.parent
    if source is None or plan is None or not isinstance(name, str) or place.name != FOLDER:
        raise CheckpointError(f"{found.path} was not written by chalkgrad train; go on with it by fit(resume=...)")
    source = run_directory.checked_source(source, str(found.path))
    if arguments.data:
        source["directory"] = str(Path(arguments.data).resolve())
    values = {n.removeprefix("value/"): p.shape for n, p in found.parts.items() if n.startswith("value/")}
    network = Network.described(as_table(found.table.get("network")) or {}, str(found.path), values)
    data = open_recorded(source, network, found.path)
    recipe = _overridden(Recipe.from_table(network.layers, plan), arguments)
    return Job(name, place.parent, recorded(source, data), data, network, recipe, found)


def _loss_of(network: str) -> str | None:
    """The name of the loss that a network's TOML file states, if it is one and does."""
    stated = read_toml(Path(network)).get("loss") if network.endswith(".toml") else None
    name = (as_table(stated) or {}).get("type", stated)
    return name if isinstance(name, str) else None


def _network(arguments: Namespace, name: str, data: Dataset) -> tuple[Recipe, Network]:
    """The network that was asked for, by name or from a TOML file, and the recipe to start from."""
    settings: dict[str, Any] = {}
    if arguments.seed is not None:
        settings["seed"] = arguments.seed
    if arguments.dtype is not None:
        settings["dtype"] = arguments.dtype
    for key in ("l1", "l2"):
        if getattr(arguments, key) is not None:
            settings[key] = getattr(arguments, key)
    if name.endswith(".toml"):
        path = Path(name)
        table = read_toml(path)
        table.pop("parameters", None)
        table.pop("steps_taken", None)
        table.setdefault("input_shape", list(data.input_shape))
        if arguments.loss:
            table["loss"] = arguments.loss
        network = Network.described({**table, **settings}, str(path))
        if network.input_shape != data.input_shape:
            raise OptionError(f"{path} has input_shape {network.input_shape}, but {data.name} gives {data.input_shape}")
        return Recipe(network.layers), network
    plan = recipe(name, data) if name in RECIPES else None
    if plan is None:
        raise unknown("network", name, [*RECIPES, "a file ending in .toml"])
    loss: str = arguments.loss or ("CrossEntropy" if data.classes else "SquaredError")
    plan = dataclasses.replace(plan, layers=_ending_for(loss, plan.layers))
    return plan, Network(plan.layers, input_shape=data.input_shape, loss=from_table("loss", loss, LOSSES), **settings)


def _ending_for(loss: str, layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The layers with the last activation that the loss takes: Softmax, Sigmoid or none."""
    endings = {"CrossEntropy": (Softmax(),), "BinaryCrossEntropy": (Sigmoid(),), "Hinge": ()}
    if loss not in endings:
        return layers
    return (*(layers[:-1] if isinstance(layers[-1], Softmax) else layers), *endings[loss])


def _overridden(plan: Recipe, arguments: Namespace) -> Recipe:
    """The recipe with what the user said put in."""
    changes: dict[str, Any] = {}
    for key in NUMBERS:
        if getattr(arguments, key) is not None:
            changes[key] = getattr(arguments, key)
    if arguments.epochs is not None and arguments.patience is None:
        changes["patience"] = None
    optimizer = plan.optimizer
    if arguments.optimizer is not None:
        asked: Optimizer = from_table("optimizer", arguments.optimizer, OPTIMIZERS)
        if type(asked) is not type(optimizer):  # the recipe's settings are those of its own optimizer
            optimizer = asked
    settings = {
        "learning_rate": arguments.learning_rate,
        "momentum": arguments.momentum,
        "weight_decay": arguments.weight_decay,
    }
    for key, value in settings.items():
        if value is None:
            continue
        if not hasattr(optimizer, key):
            raise OptionError(f"{optimizer.kind} has no {key.replace('_', ' ')}")
        optimizer = dataclasses.replace(optimizer, **{key: value})
    changes["optimizer"] = optimizer
    if arguments.schedule is not None:
        schedule: Schedule = from_table("schedule", arguments.schedule, SCHEDULES)
        if schedule.needs_end and arguments.epochs is None and arguments.max_steps is None and plan.epochs is None:
            raise OptionError(f"the schedule {schedule.kind} must know the end: give --epochs or --max-steps")
        changes["schedule"] = schedule
    return dataclasses.replace(plan, **changes)


def _training(job: Job, arguments: Namespace) -> Fit:
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
        resume=job.found,
        extra={"name": job.name, "data": job.source, "training": plan.to_table()},
        signals=(SIGINT, SIGTERM),
    )


def _recipe_text(plan: Recipe, before: Optimizer | None) -> str:
    """The recipe in a line.

    Args:
        plan: the recipe.
        before: the recipe's own optimizer, where another was asked for.
    """
    optimizer = plan.optimizer
    parts = [f"{optimizer.kind} with learning rate {optimizer.learning_rate:g}"]
    if before is not None:
        settings = ", ".join(f"{k.replace('_', ' ')} {v:g}" for k, v in to_table(before).items() if k != "type")
        default = optimizer.learning_rate == type(optimizer)().learning_rate
        own = f"{optimizer.kind}'s default" if default else "as was said"
        parts[0] += f" ({own}; the recipe's was {before.kind} with {settings or 'its defaults'})"
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
    written = ["network.toml and the weights as .npy", run_directory.RUN, run_directory.HISTORY]
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
    drawings: Mapping[str, Callable[[], bytes | None]] = {}
    if interrupted:
        say("the test set was not run")
    else:
        findings = test.examine(network, data, arguments.engine)
        say(f"test set: {findings.evaluation}")
        test.save_results(out, current_weights(out) or "", findings, data)
        written.append(run_directory.TEST)
        drawings = test.pictures(findings, data, network.loss_function)
    if not arguments.no_pictures:
        written += save_pictures("train", out, {**drawings, **_pictures(network, history)})
    say(f"saved in {visible(str(out))}: {', '.join(written)}")
    say(f"look closer with: chalkgrad test {_quoted(out)}")


def _pictures(network: Network, history: History) -> dict[str, Callable[[], bytes | None]]:
    """What draws the pictures of the training, by the files' names."""

    def curves() -> bytes | None:
        return learning_curves(history) if history.records else None

    def weights() -> bytes | None:
        return first_layer(network)

    return {run_directory.CURVES: curves, run_directory.FIRST_LAYER: weights}
