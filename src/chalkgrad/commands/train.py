"""chalkgrad train: trains a network on data, tests it, and saves everything in a run directory."""

from __future__ import annotations

import dataclasses
import math
import time
import warnings
from argparse import Namespace
from pathlib import Path
from typing import Any

from .. import __version__, run_directory
from ..data import Dataset
from ..errors import OptionError, unknown
from ..layers import Layer, Sigmoid, Softmax
from ..losses import LOSSES
from ..network import Network
from ..saved import describe as network_from_table
from ..saved import read_toml
from ..settings import from_table, to_table
from ..train.fit import Fit
from ..train.history import History, StopReason
from ..train.optimizers import OPTIMIZERS, Optimizer
from ..train.recipes import RECIPES, Recipe, recipe
from ..train.schedules import SCHEDULES, Schedule
from . import test
from .sources import open_data

PICTURES = ("confusion_matrix.png", "misread.png", "learning_curves.png", "first_layer.png")


def run(arguments: Namespace) -> int:
    """The command."""
    data = open_data(arguments.source, directory=arguments.data, target=arguments.target, seed=arguments.seed or 0)
    plan, network = _network(arguments, data)
    plan = _overridden(plan, arguments)
    name = Path(arguments.network).stem
    out = Path(arguments.out) if arguments.out else test.RUNS / f"{data.name}-{name}"
    if not test.outputs_fit(network, data):
        raise OptionError(
            f"{name} has {network.output_shape} outputs, but {data.name} has {len(data.classes)} classes: "
            f"{', '.join(data.classes[:10])}"
        )
    network.samples_and_targets(data.x_test, data.y_test)
    training = _training(network, data, plan, arguments)  # what does not fit is found before anything is written
    run_directory.prepare(out)
    print(f"{data.name}: {len(data.x_train):,} samples to train and validate on, {len(data.x_test):,} to test on")
    print(f"{name}: {' - '.join(layer.kind for layer in network.layers)}, {network.flat.size:,} parameters")
    print(_recipe_text(plan))
    print(f"engine: {training.history.engine}", flush=True)
    started = time.perf_counter()
    history = training.history
    interrupted = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # said below, in the command's own words
            training.run()
    except KeyboardInterrupt:
        interrupted = True
    seconds = time.perf_counter() - started
    detail = f", {history.stop_detail}" if history.stop_detail else ""
    count = f"{len(history)} epoch{'s' * (len(history) != 1)}"
    print(f"stopped after {count}, {seconds:.1f} s: {history.stop_reason}{detail}")
    _save(out, network, data, plan, arguments, history, seconds, interrupted)
    if interrupted:
        return 130
    return 1 if history.stop_reason is StopReason.NOT_FINITE else 0


def _network(arguments: Namespace, data: Dataset) -> tuple[Recipe, Network]:
    """The network that was asked for, by name or from a TOML file, and the recipe to start from."""
    settings: dict[str, Any] = {}
    if arguments.seed is not None:
        settings["seed"] = arguments.seed
    if arguments.dtype is not None:
        settings["dtype"] = arguments.dtype
    for key in ("l1", "l2"):
        if getattr(arguments, key) is not None:
            settings[key] = getattr(arguments, key)
    if arguments.network.endswith(".toml"):
        path = Path(arguments.network)
        table = read_toml(path)
        table.pop("parameters", None)
        table.pop("steps_taken", None)
        table.setdefault("input_shape", list(data.input_shape))
        if arguments.loss:
            table["loss"] = arguments.loss
        network = network_from_table({**table, **settings}, str(path))
        if network.input_shape != data.input_shape:
            raise OptionError(f"{path} has input_shape {network.input_shape}, but {data.name} gives {data.input_shape}")
        return Recipe(network.layers), network
    plan = recipe(arguments.network, data) if arguments.network in RECIPES else None
    if plan is None:
        raise unknown("network", arguments.network, [*RECIPES, "a file ending in .toml"])
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
    for key in ("batch_size", "epochs", "patience", "validation"):
        if getattr(arguments, key) is not None:
            changes[key] = getattr(arguments, key)
    if arguments.epochs is not None and arguments.patience is None:
        changes["patience"] = None
    if arguments.optimizer is not None:
        changes["optimizer"] = from_table("optimizer", arguments.optimizer, OPTIMIZERS)
    optimizer: Optimizer = changes.get("optimizer", plan.optimizer)
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


def _training(network: Network, data: Dataset, plan: Recipe, arguments: Namespace) -> Fit:
    return Fit(
        network,
        data.x_train,
        data.y_train,
        optimizer=plan.optimizer,
        schedule=plan.schedule,
        batch_size=plan.batch_size,
        epochs=plan.epochs,
        patience=plan.patience,
        min_improvement=arguments.min_improvement,
        validation=plan.validation or None,
        stop_below=arguments.stop_below,
        max_steps=arguments.max_steps,
        progress=not arguments.quiet,
        engine=arguments.engine,
    )


def _recipe_text(plan: Recipe) -> str:
    parts = [f"{plan.optimizer.kind} with learning rate {plan.optimizer.learning_rate:g}"]
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


def _save(
    out: Path,
    network: Network,
    data: Dataset,
    plan: Recipe,
    arguments: Namespace,
    history: History,
    seconds: float,
    interrupted: bool,
) -> None:
    """Saves the network first, then tests it and saves the rest."""
    network.save(out)
    directory = str(Path(arguments.data).resolve()) if arguments.data else None
    source = arguments.source if arguments.source == data.name else str(Path(arguments.source).resolve())
    run_directory.write_table(
        out,
        run_directory.RUN,
        {
            "chalkgrad": __version__,
            "data": {
                "source": source,
                "directory": directory,
                "target": arguments.target,
                "seed": arguments.seed or 0,
            },
            "training": {
                "optimizer": to_table(plan.optimizer),
                "schedule": to_table(plan.schedule),
                "batch_size": plan.batch_size,
                "epochs": plan.epochs,
                "max_steps": arguments.max_steps,
                "validation": plan.validation,
                "patience": plan.patience,
                "min_improvement": arguments.min_improvement,
                "stop_below": arguments.stop_below,
            },
            "result": {
                "stop_reason": str(history.stop_reason),
                "stop_detail": history.stop_detail or None,
                "epochs": len(history),
                "steps": history.steps,
                "best_epoch": history.best_epoch,
                "seconds": round(seconds, 3),
                "engine": history.engine,
                "training_loss": history.loss if math.isfinite(history.loss) else None,
            },
        },
    )
    run_directory.write(out, run_directory.HISTORY, history.to_jsonl())
    for name in PICTURES:
        (out / name).unlink(missing_ok=True)  # those of an earlier training
    drawn: list[str] = []
    if interrupted:
        print("the test set was not run")
    else:
        findings = test.examine(network, data, arguments.engine)
        print(f"test set: {findings.evaluation}")
        drawn = test.save_findings(out, findings, data, pictures=not arguments.no_pictures)
    if not arguments.no_pictures:
        from ..report import pictures

        if history.records:
            run_directory.write(out, "learning_curves.png", pictures.learning_curves(history))
            drawn.append("learning_curves.png")
        if (weights := pictures.first_layer(network)) is not None:
            run_directory.write(out, "first_layer.png", weights)
            drawn.append("first_layer.png")
    print(
        f"saved in {out}: network.toml and the weights as .npy, run.toml, history.jsonl, test.json"
        + "".join(f", {d}" for d in drawn)
    )
    print(f"look closer with: chalkgrad test {out}")
