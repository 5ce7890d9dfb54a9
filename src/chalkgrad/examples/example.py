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
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..base.address import Address
from ..base.checks import as_array, as_list, as_table, said, whole
from ..base.digits import significant
from ..base.errors import ChalkgradError, DataError, NotFiniteError, nearest, unknown
from ..describe.layers import LAYERS
from ..describe.losses import LOSSES
from ..describe.optimizers import OPTIMIZERS, SGD, Optimizer, OptimizerState
from ..describe.settings import from_table
from ..explain.trace import Trace
from ..files.toml import check_places
from ..model.description import KEYS as NETWORK_KEYS
from ..model.saved import read_toml
from ..network import Network
from ..program import names as spelled
from ..render.blocks import Drawing, Paragraph
from ..render.board import Board
from ..render.shown import Displayed

Array = np.ndarray[Any, Any]
FORBIDDEN = '+*/^=,;:<>|[]{}\\"$%&#'
"""Characters that a label must not hold: it stands in formulas and tables."""
FOLDER = Path(__file__).parent
"""The folder of the worked examples that come with chalkgrad."""
OWN_KEYS = ("title", "text", "parameters", "x", "y", "optimizer", "learning_rate", "steps", "labels", "sample_weight",
            "steps_before", "optimizer_state")  # fmt: skip
KEYS = (*OWN_KEYS, *(k for k in NETWORK_KEYS if k not in ("parameters", "steps_taken")))


@dataclass(frozen=True, slots=True, repr=False)
class Example(Displayed):
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
        steps_before: how many updates were made before these numbers.
        optimizer_state: the optimizer's own arrays after these, by name: {"v_W1": ...}; zeros where there is none.
        sample_weight: the samples' weights, (N,) or (N, T); None where they have none.
    """

    title: str
    text: str
    network: Network
    x: Array
    y: Array
    optimizer: Optimizer
    steps: int
    labels: Mapping[str, str]
    steps_before: int = 0
    optimizer_state: Mapping[str, Array] = field(default_factory=dict[str, Array])
    sample_weight: Array | None = None

    @property
    def carried(self) -> dict[str, Any]:
        """The optimizer's state after the earlier updates, as `Network.trace` takes it."""
        return {**self.optimizer_state, "t": self.steps_before + 1}

    def train(self, steps: int | None = None) -> Network:
        """The network after so many updates (the example's own number if not given), all samples at once.

        The example's own network stays as it is.

        Raises:
            NotFiniteError: where a number became NaN or infinite on the way.
        """
        return self.at(self.steps if steps is None else steps).network.copy()

    def at(self, after: int) -> Example:
        """The example after so many updates, all samples at once, with what the optimizer carries on from them.

        Raises:
            NotFiniteError: where a number became NaN or infinite on the way.
        """
        if not whole("Example", "steps", after, 0):
            return self
        network = self.network.copy()
        network.optimizer_state = OptimizerState(self.optimizer, self.optimizer_state, self.steps_before)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # said below
            history = network.fit(
                self.x, self.y, optimizer=self.optimizer, epochs=after, batch_size=None, shuffle=False,
                sample_weight=self.sample_weight,
            )  # fmt: skip
        if history.steps < after:
            raise NotFiniteError(f"the training is lost after {history.steps:,} updates: {history.stop_detail}")
        state = dict(network.optimizer_state.arrays)
        return replace(self, network=network, steps_before=self.steps_before + after, optimizer_state=state)

    def trace(self, after: int = 0) -> Trace:
        """Every named value of one pass with its update, after so many further updates, by any optimizer."""
        example = self.at(after)
        trace = example.network.trace(
            example.x, example.y, optimizer=example.optimizer, labels=example.labels,
            optimizer_state=example.carried, sample_weight=example.sample_weight,
        )  # fmt: skip
        before = example.steps_before
        trace.moment = f"After {before:,} update{'s' * (before != 1)}." if before else ""
        return trace

    def board(self) -> Board:
        """What it shows, its network drawn with the numbers, and how it is trained, on a board."""
        rate = significant(self.optimizer.learning_rate)
        count, updates = len(self.x), f"{self.steps:,} update{'s' * (self.steps != 1)}"
        about = f"{count:,} sample{'s' * (count != 1)}, {updates} by {self.optimizer.kind}, learning rate {rate}."
        picture = self.network.diagram("auto", self.x, self.y, labels=self.labels, sample_weight=self.sample_weight)
        text = [Paragraph(self.text)] if self.text else []
        return Board(self.title, (*text, Drawing(picture.svg, picture.title), Paragraph(about)))

    def __repr__(self) -> str:
        count = len(self.x)
        return f"<worked example {self.title!r}: {self.network!r}, {count} sample{'s' * (count != 1)}>"


def load_example(path: str | Path) -> Example:
    """Reads a worked example: a TOML file (a worksheet.toml too), or one that comes with chalkgrad ("web", "cnn", ...).

    A name means the latter, whatever else is called so; a file of this name is "./web" (or a `Path`).

    Raises:
        UnknownNameError: where there is neither such a file nor a worked example of this name.
        CheckpointError: where the file is missing or no TOML.
        ChalkgradError: where what it describes is invalid; the message names the file and the key.
    """
    if not isinstance(path, Path) and path in examples():
        return example(read_toml(FOLDER / f"{path}.toml"), f"{path}.toml")
    path = Path(path)
    if not path.suffix and not path.exists():
        raise unknown("file or worked example", str(path), examples())
    if path.is_dir():
        raise DataError(f"{path} is a folder, but a worked example is a TOML file")
    return example(read_toml(path), str(path))


def examples() -> tuple[str, ...]:
    """The names of the worked examples that come with chalkgrad."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.toml")))


def example(table: Mapping[str, Any], where: str) -> Example:
    """The worked example that a table describes, or that a worksheet's table is about; `where` names it in messages."""
    if {"blanks", "example"} <= set(table):
        table = as_table(table["example"]) or table
    for key in table:
        if key not in KEYS:
            raise DataError(f"{where}: there is no key {key!r}; {nearest(key, KEYS)}")
    check_places(table, KEYS, where, {"loss": LOSSES, "layers": LAYERS, "optimizer": OPTIMIZERS})
    for key in ("input_shape", "loss", "layers", "x", "y"):
        if key not in table:
            raise DataError(f"{where} lacks {key}; a worked example has input_shape, layers, loss, x and y")
    network = Network.described({"dtype": "float64", **{k: v for k, v in table.items() if k not in OWN_KEYS}}, where)
    try:
        parameters = as_table(table.get("parameters", {}))
        if parameters is None:
            raise DataError("parameters must be a table, [parameters]")
        network.set_parameters(parameters)
        x, y = _samples(table["x"], network), as_array("y", table["y"])
        y = y[None] if y.shape == network.output_shape and len(x) == 1 else y
        x, y = network.pair(x, y)
        weights = network.sample_weights(table.get(spelled.SAMPLE_WEIGHT), y)
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
                raise DataError(f"{key} must be text, not {said(value)}")
        before = whole("example", "steps_before", table.get("steps_before", 0), 0)
        network.steps_taken = before
        optimizer_state = _carried(table.get("optimizer_state", {}), before, network, optimizer)
        trace = network.trace(x, y, optimizer=optimizer, optimizer_state=optimizer_state, sample_weight=weights)
        shapes = {name: trace[name].shape for name in trace}
        labels = read_labels(table.get("labels", {}), shapes, set(trace.program.aliases))
    except ChalkgradError as error:
        if str(error).startswith(where):
            raise
        raise type(error)(f"{where}: {error}") from None
    title = words["title"] or Path(where).stem
    state = {n: trace[n] for n in optimizer_state if n != "t"}
    return Example(
        title, " ".join(words["text"].split()), network, x, y, optimizer, steps, labels, before, state, weights
    )


def _samples(samples: object, network: Network) -> Array:
    """The samples of an example, of which one may stand without its axis; of several inputs, each by its name."""
    inputs = network.layout.inputs
    several = as_table(samples)
    if several is not None:
        arrays = {name: as_array(name, value) for name, value in several.items()}
        return network.inputs({n: a[None] if a.shape == inputs.get(n) else a for n, a in arrays.items()})
    x, shape = as_array("x", samples), network.layout.sample_shape
    if not x.ndim:
        raise DataError(f"x must be rows of numbers, (N, {', '.join(map(str, shape))}), not {x}")
    return x[None] if x.shape == shape else x


def _carried(value: object, before: int, network: Network, optimizer: Optimizer) -> dict[str, Any]:
    """The optimizer's state after the earlier updates; after any, all of its arrays must be given."""
    state = as_table(value)
    if state is None:
        raise DataError("optimizer_state must be a table, [optimizer_state]")
    arrays = optimizer.start(network.updated_by(optimizer), network.dtype)
    missing = [n for n in arrays if n not in state]
    if before and missing:
        raise DataError(
            f"after {before} updates {optimizer.kind} carries arrays on: [optimizer_state] lacks {', '.join(missing)}"
        )
    for name in state:
        if name not in arrays:
            raise (
                unknown(f"array of {optimizer.kind}", name, arrays)
                if arrays
                else DataError(f"optimizer_state: this {optimizer.kind} carries nothing from step to step")
            )
    return {**state, "t": before + 1}


def read_labels(
    entries: object, shapes: Mapping[str, tuple[int, ...]], reserved: Collection[str] = ()
) -> dict[str, str]:
    """Labels by address, from a table of addresses ("W1[0, 0]" = "w1") or of whole arrays in rows of names.

    Args:
        entries: the table.
        shapes: the values that there are.
        reserved: further names that no label may have.

    Raises:
        UnknownNameError: where there is no such value.
        DataError: where the labels do not have the value's shape, or one is used twice.
    """
    table = as_table(entries)
    if table is None:
        raise DataError('labels must be a table, such as {"W1[0, 0]" = "w1"}')
    labels: dict[str, str] = {}
    derivatives = set(map(spelled.derivative, shapes))

    def take(address: Address, label: str) -> None:
        if str(address) in labels:
            raise DataError(f"labels: {address} has two, {labels[str(address)]!r} and {label!r}")
        if not label or any(c.isspace() or not c.isprintable() or c in FORBIDDEN for c in label):
            raise DataError(f"labels: {label!r} must be a word without spaces and without any of {FORBIDDEN}")
        if label in shapes or label in reserved or label in derivatives:
            raise DataError(f"labels: {label!r} is the name of a value; call {address} something else")
        labels[str(address)] = label

    for key, value in table.items():
        try:
            address = Address.read(key, shapes, whole=not isinstance(value, str))
        except ChalkgradError as error:
            raise type(error)(f"labels: {error}") from None
        if isinstance(value, str):
            take(address, value)
            continue
        names = np.array(as_list(value), dtype=object)
        if names.shape != shapes[address.name] or not all(isinstance(n, str) for n in names.ravel()):
            raise DataError(f"labels of {key} must be text in rows of shape {shapes[address.name]}, not {said(value)}")
        for place in itertools.product(*map(range, names.shape)):
            if names[place]:
                take(Address(address.name, place), names[place])
    addresses: dict[str, str] = {}
    for address_text, label in labels.items():
        if label in addresses:
            raise DataError(f"labels: {label!r} is given to {addresses[label]} and to {address_text}")
        addresses[label] = address_text
    for label in addresses:
        if (derivative := spelled.derivative(label)) in addresses:
            raise DataError(f"labels: {derivative!r} is what the derivative of {label!r} is called")
    return labels
