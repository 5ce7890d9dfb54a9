"""chalkgrad: a neural network you can read like a chalkboard.

Describe a network with layers and a loss; `Network` writes its forward and backward pass as a list of named
steps, runs exactly these, and trains.
"""

from __future__ import annotations

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
from .example import Example, load_example
from .explain.derivation import Derivation
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

__version__ = "0.1.0"

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
    "Constant",
    "Conv2D",
    "Cosine",
    "CrossEntropy",
    "DataError",
    "Dense",
    "Derivation",
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
    "initializers",
    "load",
    "load_example",
]
