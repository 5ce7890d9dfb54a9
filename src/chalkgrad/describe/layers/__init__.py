"""What a user writes: layers as plain, frozen dataclasses.

A layer knows its shapes, its parameters and which operation it stands for; the rules know the mathematics.
"""

from __future__ import annotations

from .activations import ELU, GELU, Activation, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from .combining import Add, Combining, Concat, Multiply, Residual
from .dense import Dense
from .dropout import Dropout
from .layer import Layer, Parameter, SampleShape, State
from .normalisation import BatchNorm, LayerNorm
from .shapes import Flatten, Sum
from .windows import AvgPool2D, Conv2D, MaxPool2D, Padding, Pair

LAYERS: dict[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (
        Dense,
        Conv2D,
        MaxPool2D,
        AvgPool2D,
        Flatten,
        Sum,
        Dropout,
        BatchNorm,
        LayerNorm,
        Sigmoid,
        Tanh,
        ReLU,
        LeakyReLU,
        ELU,
        GELU,
        Softplus,
        SiLU,
        Softmax,
        Add,
        Multiply,
        Concat,
        Residual,
    )
}
"""Every layer by the name that files know it by."""

__all__ = [
    "ELU",
    "GELU",
    "LAYERS",
    "Activation",
    "Add",
    "AvgPool2D",
    "BatchNorm",
    "Combining",
    "Concat",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "MaxPool2D",
    "Multiply",
    "Padding",
    "Pair",
    "Parameter",
    "ReLU",
    "Residual",
    "SampleShape",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "State",
    "Sum",
    "Tanh",
]
