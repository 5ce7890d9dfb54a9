"""chalkgrad: a neural network you can read like a chalkboard.

Describe a network with layers and a loss; `Network` writes its forward and backward pass as a list of named
steps, runs exactly these, and trains.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import data, initializers
from .errors import (
    ChalkgradError,
    CheckpointError,
    DataError,
    FormulaError,
    NotFiniteError,
    OptionError,
    ShapeError,
    UnknownNameError,
)
from .explain.trace import Trace
from .layers import (
    ELU,
    GELU,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LayerNorm,
    LeakyReLU,
    MaxPool2D,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Sum,
    Tanh,
)
from .losses import AbsoluteError, BinaryCrossEntropy, CrossEntropy, Hinge, Loss, SquaredError
from .network import Evaluation, Network
from .program import Program, Step
from .saved import load
from .train.callbacks import Callback
from .train.checkpoints import Checkpoints, CheckpointWarning
from .train.history import History, Record, StopReason
from .train.optimizers import SGD, AdaGrad, Adam, AdamW, Optimizer, RMSProp
from .train.schedules import (
    Constant,
    Cosine,
    Exponential,
    InverseTime,
    Linear,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
)

if TYPE_CHECKING:
    from .diagnosis import Diagnosis, diagnose
    from .example import Example, load_example
    from .explain.derivation import Derivation

__version__ = "0.1.0"
LATER = {
    "Example": ".example",
    "load_example": ".example",
    "Derivation": ".explain.derivation",
    "Diagnosis": ".diagnosis",
    "diagnose": ".diagnosis",
}
"""What is imported when it is first asked for, so that training starts without it."""


def __getattr__(name: str) -> Any:
    if name in LATER:
        return getattr(importlib.import_module(LATER[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "ELU",
    "GELU",
    "SGD",
    "AbsoluteError",
    "AdaGrad",
    "Adam",
    "AdamW",
    "AvgPool2D",
    "BatchNorm",
    "BinaryCrossEntropy",
    "Callback",
    "ChalkgradError",
    "CheckpointError",
    "CheckpointWarning",
    "Checkpoints",
    "Constant",
    "Conv2D",
    "Cosine",
    "CrossEntropy",
    "DataError",
    "Dense",
    "Derivation",
    "Diagnosis",
    "Dropout",
    "Evaluation",
    "Example",
    "Exponential",
    "Flatten",
    "FormulaError",
    "Hinge",
    "History",
    "InverseTime",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "Loss",
    "MaxPool2D",
    "Network",
    "NotFiniteError",
    "OneCycle",
    "Optimizer",
    "OptionError",
    "Program",
    "RMSProp",
    "ReLU",
    "Record",
    "ReduceOnPlateau",
    "Schedule",
    "ShapeError",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "SquaredError",
    "Step",
    "StepDecay",
    "StopReason",
    "Sum",
    "Tanh",
    "Trace",
    "UnknownNameError",
    "data",
    "diagnose",
    "initializers",
    "load",
    "load_example",
]
