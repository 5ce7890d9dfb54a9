"""Drawings of a network as SVG text: its neurons with their numbers, its layers with their shapes, its steps."""

from .attention import attention
from .back_in_time import BackInTime, back_in_time
from .cell import cell
from .graph import graph
from .layers import layers
from .neurons import neurons
from .picture import Picture
from .unrolled import unrolled

KINDS = ("auto", "neurons", "layers", "graph", "cell", "unrolled", "attention", "gradients")
"""The kinds of drawings by their names."""

__all__ = [
    "KINDS",
    "BackInTime",
    "Picture",
    "attention",
    "back_in_time",
    "cell",
    "graph",
    "layers",
    "neurons",
    "unrolled",
]
