"""Networks by name, each with the recipe that it is trained by unless the user says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ..base.checks import choice
from ..base.errors import OptionError, unknown
from ..data.dataset import Dataset
from ..describe.layers import (
    GELU,
    GRU,
    LSTM,
    RNN,
    Attention,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    LayerNorm,
    MaxPool2D,
    Positions,
    ReLU,
    Residual,
    Softmax,
)
from ..describe.optimizers import OPTIMIZERS, SGD, Adam, AdamW, Optimizer
from ..describe.schedules import SCHEDULES, Constant, Cosine, Schedule
from ..describe.settings import from_table, to_table
from ..model.named import metric_names

NUMBERS = ("batch_size", "epochs", "max_steps", "validation", "patience", "min_improvement", "stop_below")
LARGE_IMAGE = 16
"""Images at least this high and wide are worth 512 hidden units, dropout and kernels of 5 x 5."""
EMBEDDED = 32
"""The length of the row that stands for an id."""
UNITS = 128
"""Units of a recurrent layer."""
WIDTH = 64
"""The width of a transformer."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A network's layers and how it is trained.

    Attributes:
        layers: the layers.
        optimizer, schedule: as for `Network.fit`.
        batch_size, epochs, patience, validation, min_improvement, stop_below, max_steps: as for `Network.fit`; epochs
            None is open, and validation is a share.
        rows: whether images of one channel are read row by row, as sequences.
        metrics, class_weight: as for `Network.fit`; the only weights by name are "balanced".
    """

    layers: tuple[Layer, ...]
    optimizer: Optimizer = field(default_factory=lambda: SGD(0.1))
    schedule: Schedule = field(default_factory=Constant)
    batch_size: int = 32
    epochs: int | None = None
    patience: int | None = 5
    validation: float = 0.1
    min_improvement: float = 0.0
    stop_below: float | None = None
    max_steps: int | None = None
    rows: bool = False
    metrics: tuple[str, ...] = ()
    class_weight: str | None = None

    def to_table(self) -> dict[str, Any]:
        """How it is trained, as a table for a file."""
        table: dict[str, Any] = {"optimizer": to_table(self.optimizer), "schedule": to_table(self.schedule)}
        table |= {name: getattr(self, name) for name in NUMBERS}
        if self.metrics:
            table["metrics"] = list(self.metrics)
        return table if self.class_weight is None else {**table, "class_weight": self.class_weight}

    @classmethod
    def from_table(cls, layers: tuple[Layer, ...], table: Mapping[str, Any]) -> Recipe:
        """The recipe that `to_table` gave; its numbers are checked by the training.

        Raises:
            OptionError, UnknownNameError: where it is none.
        """
        class_weight = table.get("class_weight")
        return cls(
            layers,
            from_table("optimizer", table.get("optimizer"), OPTIMIZERS),
            from_table("schedule", table.get("schedule"), SCHEDULES),
            **{name: table[name] for name in NUMBERS if name in table},
            metrics=metric_names("train", table.get("metrics", ())),
            class_weight=None if class_weight is None else choice("train", "class_weight", class_weight, ("balanced",)),
        )


def _end(data: Dataset) -> tuple[Layer, ...]:
    if data.classes:
        return (Dense(len(data.classes)), Softmax())
    return (Dense(data.y_train.shape[-1]),)


def _check_table(name: str, data: Dataset) -> None:
    """Raises OptionError where samples are sequences, for a network that takes none."""
    if data.is_sequence:
        raise OptionError(
            f"{name} takes tables and images, but {data.name} gives sequences; use --network {', '.join(SEQUENTIAL)}"
        )


def _large(data: Dataset) -> bool:
    return data.is_image and min(data.input_shape[1:]) >= LARGE_IMAGE


def softmax(data: Dataset) -> Recipe:
    """One dense layer: softmax regression, or linear regression."""
    _check_table("softmax", data)
    first = (Flatten(),) if data.is_image else (BatchNorm(),)
    return Recipe((*first, *_end(data)), optimizer=SGD(0.05))


def mlp(data: Dataset) -> Recipe:
    """A perceptron with one hidden layer (two on tables).

    As in Neural Network from Scratch: mini-batch gradient descent, the gradient averaged over the batch, the training
    data split into training and validation, until the validation loss reaches a plateau. On large images with dropout
    (Srivastava et al., 2014), without which 784-512-10 stays below 98.2 % on MNIST. On tables and points in the
    plane two layers of 64 with Adam, which plain SGD does not bring round a spiral.
    """
    _check_table("mlp", data)
    if _large(data):
        hidden = (Flatten(), Dropout(0.2), Dense(512), ReLU(), Dropout(0.5))
        return Recipe((*hidden, *_end(data)), patience=8)
    if data.is_image:
        return Recipe((Flatten(), Dense(64), ReLU(), *_end(data)), patience=10)
    first = () if data.name in ("spiral", "vertical") else (BatchNorm(),)
    hidden = (Dense(64), ReLU(), Dense(64), ReLU())
    return Recipe((*first, *hidden, *_end(data)), optimizer=Adam(0.01), patience=30, validation=0.2)


def lenet(data: Dataset) -> Recipe:
    """LeNet-5 (LeCun et al., 1998) with ReLUs, max-pooling and dropout; smaller kernels on small images."""
    if not data.is_image:
        raise OptionError(f"lenet takes images, (channels, height, width), but {data.name} gives {data.input_shape}")
    size, padding = (5, "valid") if _large(data) else (3, "same")
    layers = (
        Conv2D(6, size, padding="same"), ReLU(), MaxPool2D(2),
        Conv2D(16, size, padding=padding), ReLU(), MaxPool2D(2),
        Flatten(), Dropout(0.25), Dense(120), ReLU(), Dropout(0.5), Dense(84), ReLU(),
    )  # fmt: skip
    return Recipe(
        (*layers, *_end(data)),
        optimizer=SGD(0.03, momentum=0.9, weight_decay=5e-4),
        schedule=Cosine(),
        epochs=16,
        patience=None,
    )


def rnn(data: Dataset) -> Recipe:
    """A recurrent layer over sequences; ids are embedded first."""
    return _recurrent("rnn", RNN, data)


def lstm(data: Dataset) -> Recipe:
    """The same with gates and a memory (Hochreiter and Schmidhuber, 1997)."""
    return _recurrent("lstm", LSTM, data)


def gru(data: Dataset) -> Recipe:
    """The same with two gates (Cho et al., 2014)."""
    return _recurrent("gru", GRU, data)


def _recurrent(name: str, layer: Callable[..., Layer], data: Dataset) -> Recipe:
    """One recurrent layer, with a dense one after its last step, or after each where each has a target."""
    if not data.is_sequence:
        rows = f"; --network rows-{name} reads images row by row" if data.is_image else ""
        raise OptionError(
            f"{name} takes sequences, (steps, features) or ids, but {data.name} gives {data.input_shape}{rows}"
        )
    first = (Embedding(data.ids, EMBEDDED),) if data.ids else ()
    return Recipe((*first, layer(UNITS, sequences=_every_step(data)), *_end(data)), optimizer=Adam(0.003), patience=5)


def gpt(data: Dataset) -> Recipe:
    """A transformer that looks back (Radford et al., 2018 and 2019): two blocks of attention and a perceptron, with
    four heads, layer normalisation before each and residuals around them, and dropout as there.
    """
    if not data.ids:
        raise OptionError(
            f"gpt takes ids, such as those of names or of a text, but {data.name} gives {data.input_shape}"
        )
    layers: list[Layer] = [Embedding(data.ids, WIDTH), Positions(), Dropout(0.1)]
    for _ in range(2):
        layers.append(Residual((LayerNorm(), Attention(4, causal=True), Dropout(0.1))))
        layers.append(Residual((LayerNorm(), Dense(4 * WIDTH), GELU(), Dense(WIDTH), Dropout(0.1))))
    if not _every_step(data):
        layers.append(Flatten())
    return Recipe((*layers, LayerNorm(), *_end(data)), optimizer=AdamW(0.002, clip_norm=1.0), patience=5)


def _every_step(data: Dataset) -> bool:
    """Whether each step has a target."""
    return data.y_train.ndim == (2 if data.classes else 3)


def _over_rows(recipe: Callable[[Dataset], Recipe], data: Dataset) -> Recipe:
    """A recipe for sequences, over the rows of images."""
    if data.is_sequence or not data.is_image:
        raise OptionError(f"rows are those of images, but {data.name} gives {data.input_shape}")
    return replace(recipe(data.as_rows()), rows=True, optimizer=Adam(0.002), batch_size=64, patience=3)


RECURRENT: dict[str, Callable[[Dataset], Recipe]] = {"rnn": rnn, "lstm": lstm, "gru": gru}
SEQUENTIAL = {**RECURRENT, "gpt": gpt}
"""Those that take sequences."""
RECIPES: dict[str, Callable[[Dataset], Recipe]] = {
    "softmax": softmax,
    "mlp": mlp,
    "lenet": lenet,
    **SEQUENTIAL,
    **{f"rows-{name}": partial(_over_rows, recipe) for name, recipe in RECURRENT.items()},
}


def recipe(name: str, data: Dataset) -> Recipe:
    """The recipe of a name for these data.

    Raises:
        UnknownNameError: where there is none of this name.
        OptionError: where it does not suit the data.
    """
    if name not in RECIPES:
        raise unknown("network", name, RECIPES)
    return RECIPES[name](data)
