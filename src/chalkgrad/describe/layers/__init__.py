"""Layers, as plain, frozen dataclasses.

A layer knows its shapes, its parameters and which operation it stands for; the rules know the mathematics.
"""

from __future__ import annotations

from .activations import ELU, GELU, Activation, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from .attention import Attention, Positions
from .combining import Add, Combining, Concat, Multiply, Residual
from .dense import Dense
from .dropout import Dropout
from .layer import Layer, Parameter, SampleShape, State
from .normalisation import BatchNorm, LayerNorm, RMSNorm
from .registry import LAYERS
from .scaling import Scaling, Standardize, Unstandardize
from .sequences import GRU, LSTM, RNN, Embedding, Recurrent
from .shapes import Flatten, Sum
from .windows import AvgPool2D, Conv1D, Conv2D, GlobalAvgPool1D, GlobalAvgPool2D, MaxPool2D, Padding, Pair

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LAYERS",
    "LSTM",
    "RNN",
    "Activation",
    "Add",
    "Attention",
    "AvgPool2D",
    "BatchNorm",
    "Combining",
    "Concat",
    "Conv1D",
    "Conv2D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "MaxPool2D",
    "Multiply",
    "Padding",
    "Pair",
    "Parameter",
    "Positions",
    "RMSNorm",
    "ReLU",
    "Recurrent",
    "Residual",
    "SampleShape",
    "Scaling",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Standardize",
    "State",
    "Sum",
    "Tanh",
    "Unstandardize",
]
