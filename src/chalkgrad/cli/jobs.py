"""The jobs of chalkgrad train: a new training, or one to be resumed."""

from __future__ import annotations

import dataclasses
import sys
import warnings
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.checks import as_list, as_table, choice
from ..base.colour import coloured
from ..base.errors import CheckpointError, DataWarning, OptionError, unknown
from ..base.messages import complain
from ..data import Dataset
from ..data.dataset import IGNORED
from ..describe.layers import Layer, Sigmoid, Softmax, Unstandardize
from ..describe.losses import LOSSES
from ..describe.optimizers import OPTIMIZERS, Optimizer
from ..describe.schedules import SCHEDULES, Schedule
from ..describe.settings import from_table, to_table
from ..files.checkpoint import Checkpoint
from ..model.named import metric_names
from ..model.saved import read_toml
from ..network import Network
from ..runs import directory as run_directory
from ..runs.recipes import NUMBERS, RECIPES, SEQUENTIAL, Recipe, recipe
from ..train.checkpoints import FOLDER, CheckpointWarning, newest
from .options import RUNS
from .sources import NAMES, open_data, open_recorded, suited, with_record

CHANGEABLE = (
    "epochs", "max_steps", "patience", "stop_below", "data", "engine", "quiet", "no_pictures", "checkpoint_every",
    "keep", "log", "json", "metrics",
)  # fmt: skip
"""The options that may change when a training is resumed; all others stay as they were."""

OVER_TIME = ("Embedding", "Positions", "RNN", "LSTM", "GRU", "Attention")
"""The layers of a TOML file that tell that its network takes sequences."""


@dataclass(frozen=True, slots=True)
class Job:
    """One training of the command.

    Attributes:
        name: what the network is called.
        out: the run directory.
        source: where the data are from, as run.toml has it.
        data, network, plan: they.
        checkpoint: from which it is resumed; None for a new training.
        rate_origin: where the learning rate is from, in words.
    """

    name: str
    out: Path
    source: dict[str, Any]
    data: Dataset
    network: Network
    plan: Recipe
    checkpoint: Checkpoint | None = None
    rate_origin: str = "as the training began"


def new_job(arguments: Namespace) -> Job:
    """A training from the beginning."""
    source_name = arguments.source or "digits"
    network_name = arguments.network or ("lstm" if source_name == "names" else "mlp")
    sequences = _takes_sequences(network_name)
    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        warnings.showwarning = show_warning
        data = open_data(
            source_name,
            directory=arguments.data,
            target=arguments.target,
            seed=arguments.seed or 0,
            task=arguments.task,
            header=arguments.header,
            loss=arguments.loss or _loss_of(network_name),
            window=arguments.window,
            sequences=sequences,
            size=arguments.size,
        )
        plan, network = _network(arguments, network_name, data)
        data = data.astype(network.dtype)
    name = Path(network_name).stem
    for path in (source_name, arguments.data or ""):
        if not path.isprintable() and path.encode(errors="replace").decode() != path:
            raise OptionError(f"the name {path!r} is not UTF-8, so it cannot be written into run.toml")
    own = source_name not in NAMES
    source = {
        "source": str(Path(source_name).resolve()) if own else source_name,
        "directory": str(Path(arguments.data).resolve()) if arguments.data else None,
        "target": arguments.target,
        "task": _task(data) if own and not data.vocabulary and Path(source_name).is_file() else arguments.task,
        "header": arguments.header,
        "window": data.input_shape[0] if data.vocabulary and own else None,
        "sequences": (sequences and own) or None,
        "size": arguments.size,
        "divided_by": data.largest if Path(source_name).suffix.lower() == ".npz" and data.is_image else None,
        "vocabulary": data.vocabulary.to_table() if data.vocabulary else None,
        "seed": arguments.seed or 0,
    }
    out = Path(arguments.out) if arguments.out else RUNS / f"{data.name}-{name}"
    recipe_default = plan.optimizer
    plan = _with_options(plan, arguments)
    origin = _rate_origin(plan.optimizer, recipe_default, arguments)
    source = with_record(source, data)
    return Job(name, out, source, suited(data, network), network, plan, rate_origin=origin)


def resumed_job(arguments: Namespace) -> Job:
    """A training that was stopped before, from its newest checkpoint."""
    for name, value in vars(arguments).items():
        if name not in (*CHANGEABLE, "resume", "command") and value is not None:
            option = "DATA" if name == "source" else f"--{name.replace('_', '-')}"
            options = ", ".join(f"--{k.replace('_', '-')}" for k in CHANGEABLE)
            raise OptionError(f"a training is resumed as it was started: leave {option} out ({options} may be given)")
    if arguments.keep == 0:
        raise OptionError(
            "a resumed training keeps checkpoints, or the next --resume would start further back: --keep is 1 or more"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("always", CheckpointWarning)
        warnings.showwarning = show_warning
        checkpoint = newest(arguments.resume)
    extra = as_table(checkpoint.table.get("extra")) or {}
    source, training, name = as_table(extra.get("data")), as_table(extra.get("training")), extra.get("name")
    place = checkpoint.path.parent
    if source is None or training is None or not isinstance(name, str) or place.name != FOLDER:
        raise CheckpointError(f"{checkpoint.path} was not written by chalkgrad train; resume it by fit(resume=...)")
    source = run_directory.checked_source(source, str(checkpoint.path))
    if arguments.data:
        source["directory"] = str(Path(arguments.data).resolve())
    values = {n.removeprefix("value/"): p.shape for n, p in checkpoint.parts.items() if n.startswith("value/")}
    network = Network.described(as_table(checkpoint.table.get("network")) or {}, str(checkpoint.path), values)
    data = open_recorded(source, network, checkpoint.path)
    plan = _with_options(Recipe.from_table(network.layers, training), arguments)
    return Job(name, place.parent, with_record(source, data), suited(data, network), network, plan, checkpoint)


def _task(data: Dataset) -> str:
    return "classes" if data.classes else "regression"


def _takes_sequences(network: str) -> bool:
    """Whether a network of this name, or in this TOML file, takes sequences."""
    if not network.endswith(".toml"):
        return network in SEQUENTIAL
    table = read_toml(Path(network))
    kinds = [(as_table(layer) or {}).get("type", layer) for layer in as_list(table.get("layers")) or ()]
    return any(isinstance(kind, str) and kind in OVER_TIME for kind in kinds)


def _loss_of(network: str) -> str | None:
    """The name of the loss that a network's TOML file states, if it is one and does."""
    loss = read_toml(Path(network)).get("loss") if network.endswith(".toml") else None
    name = (as_table(loss) or {}).get("type", loss)
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
        if "loss" in table:
            table["loss"] = _without_ignored(table["loss"], data)
        network = Network.described({**table, **settings}, str(path))
        if network.layout.sample_shape != suited(data, network).input_shape:
            raise OptionError(f"{path} has input_shape {network.input_shape}, but {data.name} gives {data.input_shape}")
        return Recipe(network.layers), network
    plan = recipe(name, data) if name in RECIPES else None
    if plan is None:
        raise unknown("network", name, [*RECIPES, "a file ending in .toml"])
    loss: Any = arguments.loss or ("CrossEntropy" if data.classes else {"type": "SquaredError", "scale": "variance"})
    plan = dataclasses.replace(plan, layers=_ending_for(loss, plan.layers))
    shape = (data.as_rows() if plan.rows else data).input_shape
    return plan, Network(
        plan.layers, input_shape=shape, loss=from_table("loss", _without_ignored(loss, data), LOSSES), **settings
    )


def _without_ignored(loss: Any, data: Dataset) -> Any:
    """A loss as a file states it, which leaves out the steps that do not count, if there are any.

    Raises:
        OptionError: where it cannot.
    """
    if not data.has_ignored:
        return loss
    table = as_table(loss) or {"type": loss}
    if table.get("type") in LOSSES and table["type"] != "CrossEntropy":
        raise OptionError(
            f"some steps of {data.name} do not count (class {IGNORED}), and CrossEntropy alone leaves them out; "
            f"{table['type']} does not"
        )
    return {"ignore": IGNORED, **table}


def _ending_for(loss: Any, layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The layers with the last activation that the loss takes: Softmax, Sigmoid or none; for numbers, where no loss was
    asked for, with the way back to their unit.
    """
    if not isinstance(loss, str):
        return (*layers, Unstandardize())
    endings = {"CrossEntropy": (Softmax(),), "BinaryCrossEntropy": (Sigmoid(),), "Hinge": ()}
    if loss not in endings:
        return layers
    return (*(layers[:-1] if isinstance(layers[-1], Softmax) else layers), *endings[loss])


def _rate_origin(optimizer: Optimizer, of_recipe: Optimizer, arguments: Namespace) -> str:
    """Where a new training's learning rate is from: it was given, or is the recipe's, or the optimizer's default."""
    if arguments.learning_rate is not None:
        return "as given"
    default = type(optimizer)().learning_rate
    if type(optimizer) is type(of_recipe):
        other = arguments.optimizer is not None and optimizer.learning_rate != default
        return "the recipe's" + f"; {optimizer.kind}'s default is {default:g}" * other
    settings = ", ".join(f"{k.replace('_', ' ')} {v:g}" for k, v in to_table(of_recipe).items() if k != "type")
    was = f"{of_recipe.kind} with {settings or 'its defaults'}"
    return f"{optimizer.kind}'s default; the recipe's was {was}"


def _with_options(plan: Recipe, arguments: Namespace) -> Recipe:
    """The recipe with the options that were given in place of its own."""
    changes: dict[str, Any] = {}
    for key in NUMBERS:
        if getattr(arguments, key) is not None:
            changes[key] = getattr(arguments, key)
    if arguments.epochs is not None and arguments.patience is None:
        changes["patience"] = None
    if arguments.metrics is not None:
        names = [name.strip() for name in arguments.metrics.split(",")]
        changes["metrics"] = metric_names("train", [name for name in names if name])
    if arguments.class_weight is not None:
        changes["class_weight"] = choice("train", "--class-weight", arguments.class_weight, ("balanced",))
    optimizer = plan.optimizer
    if arguments.optimizer is not None:
        other: Optimizer = from_table("optimizer", arguments.optimizer, OPTIMIZERS)
        if type(other) is not type(optimizer):  # the recipe's settings are those of its own optimizer
            optimizer = other
    settings = {
        "learning_rate": arguments.learning_rate,
        "momentum": arguments.momentum,
        "weight_decay": arguments.weight_decay,
        "clip_norm": arguments.clip_norm,
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


def show_warning(message: Warning | str, *further: Any) -> None:
    """A warning as a line of the command: for `warnings.showwarning`."""
    complain(f"{coloured('chalkgrad train:', 'yellow', sys.stderr)} {message}")
