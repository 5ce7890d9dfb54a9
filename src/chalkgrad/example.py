"""Worked examples: a network, its numbers and one or more steps of training, as a small TOML file.

    title = "Two inputs, two hidden neurons, two outputs"
    input_shape = 2
    loss = { type = "SquaredError", scale = 0.5 }
    layers = [{ type = "Dense", units = 2 }, { type = "Sigmoid" }]
    x = [0.05, 0.10]
    y = [0.01, 0.99]
    learning_rate = 0.5

    [parameters]
    W1 = [[0.15, 0.25], [0.20, 0.30]]
    b1 = [0.35, 0.35]

    [labels]
    W1 = [["w1", "w3"], ["w2", "w4"]]
    L = "E"

The page docs/worked-examples.md says what each key means.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .address import Address
from .checks import as_array, as_list, as_table, whole
from .errors import ChalkgradError, DataError, nearest, unknown
from .explain.trace import Trace
from .network import Network
from .saved import KEYS as NETWORK_KEYS
from .saved import describe, read_toml
from .settings import from_table
from .train.optimizers import OPTIMIZERS, SGD, Optimizer

Array = np.ndarray[Any, Any]
FOLDER = Path(__file__).parent / "examples"
"""Where the worked examples that come with chalkgrad lie."""
OWN_KEYS = ("title", "text", "parameters", "x", "y", "optimizer", "learning_rate", "steps", "labels")
KEYS = (*OWN_KEYS, *(k for k in NETWORK_KEYS if k not in ("parameters", "steps_taken")))


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example.

    Attributes:
        title: one line.
        text: what it shows, a paragraph; may be empty.
        network: the network with the example's parameters (float64 unless the file says otherwise).
        x: the samples, (N, *input_shape).
        y: the targets, (N, *output_shape).
        optimizer: how the parameters are updated.
        steps: how many updates the example makes.
        labels: other names of elements, by address: {"W1[0, 0]": "w1"}.
    """

    title: str
    text: str
    network: Network
    x: Array
    y: Array
    optimizer: Optimizer
    steps: int
    labels: Mapping[str, str]

    def train(self, steps: int | None = None) -> Network:
        """The network after so many updates (the example's own number if not given), all samples at once.

        The example's own network stays as it is.
        """
        network = self.network.copy()
        count = self.steps if steps is None else whole("Example", "steps", steps, 0)
        if count:
            network.fit(
                self.x, self.y, optimizer=self.optimizer, epochs=count, batch_size=None, shuffle=False
            )  # fmt: skip
        return network

    def trace(self, after: int = 0) -> Trace:
        """Every named value of one pass with its update, after so many updates (none: the first step)."""
        if after and (self.optimizer != SGD(self.optimizer.learning_rate)):
            raise DataError("a later step can be traced with plain SGD only: other optimizers carry arrays on")
        network = self.train(after)
        return network.trace(self.x, self.y, optimizer=self.optimizer, labels=self.labels)


def load_example(path: str | Path) -> Example:
    """Reads a worked example: a TOML file, or one that comes with chalkgrad, by its name ("web", "cnn", ...).

    Raises:
        UnknownNameError: where there is neither such a file nor a worked example of this name.
        CheckpointError: where the file is missing or no TOML.
        ChalkgradError: where what it describes cannot be; the message names the file and the key.
    """
    path = Path(path)
    if not path.suffix and not path.exists():
        if str(path) not in examples():
            raise unknown("file or worked example", str(path), examples())
        path = FOLDER / f"{path}.toml"
        return example(read_toml(path), path.name)
    return example(read_toml(path), str(path))


def examples() -> tuple[str, ...]:
    """The names of the worked examples that come with chalkgrad."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.toml")))


def example(table: Mapping[str, Any], where: str) -> Example:
    """The worked example that a table describes; `where` names it in messages."""
    for key in table:
        if key not in KEYS:
            raise DataError(f"{where}: there is no key {key!r}; {nearest(key, KEYS)}")
    for key in ("input_shape", "loss", "layers", "x", "y"):
        if key not in table:
            raise DataError(f"{where} lacks {key}; a worked example has input_shape, layers, loss, x and y")
    network = describe({"dtype": "float64", **{k: v for k, v in table.items() if k not in OWN_KEYS}}, where)
    try:
        parameters = as_table(table.get("parameters", {}))
        if parameters is None:
            raise DataError("parameters must be a table, [parameters]")
        network.set_parameters(parameters)
        x, y = as_array("x", table["x"]), as_array("y", table["y"])
        x = x[None] if x.shape == network.input_shape else x
        y = y[None] if y.shape == network.output_shape and len(x) == 1 else y
        x, y = network.pair(x, y)
        if "optimizer" in table and "learning_rate" in table:
            raise DataError("give the learning rate inside optimizer, or alone (plain SGD), not both")
        if "optimizer" in table:
            optimizer: Optimizer = from_table("optimizer", table["optimizer"], OPTIMIZERS)
        else:
            optimizer = SGD(table["learning_rate"]) if "learning_rate" in table else SGD()
        steps = whole("example", "steps", table.get("steps", 1), 0)
        words = {key: table.get(key, "") for key in ("title", "text")}
        for key, value in words.items():
            if not isinstance(value, str):
                raise DataError(f"{key} must be text, not {value!r}")
        trace = network.trace(x, y, optimizer=optimizer)
        labels = read_labels(table.get("labels", {}), {name: trace[name].shape for name in trace})
    except ChalkgradError as error:
        if str(error).startswith(where):
            raise
        raise type(error)(f"{where}: {error}") from None
    title = words["title"] or Path(where).stem
    return Example(title, " ".join(words["text"].split()), network, x, y, optimizer, steps, labels)


def read_labels(given: object, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Labels by address, from a table of addresses ("W1[0, 0]" = "w1") or of whole arrays in rows of names.

    Raises:
        UnknownNameError: where there is no such value.
        DataError: where the labels do not have the value's shape, or one is used twice.
    """
    table = as_table(given)
    if table is None:
        raise DataError('labels must be a table, such as {"W1[0, 0]" = "w1"}')
    labels: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, str):
            labels[str(Address.read(key, shapes))] = value
            continue
        names = np.array(as_list(value), dtype=object)
        name = Address.read(key, shapes, whole=True).name
        if names.shape != shapes[name] or not all(isinstance(n, str) for n in names.ravel()):
            raise DataError(f"labels of {name} must be text in rows of shape {shapes[name]}, not {value!r}")
        for place in itertools.product(*map(range, names.shape)):
            if names[place]:
                labels[str(Address(name, place))] = names[place]
    taken: dict[str, str] = {}
    for address, label in labels.items():
        if label in taken:
            raise DataError(f"the label {label!r} is given to {taken[label]} and to {address}")
        taken[label] = address
    return labels
