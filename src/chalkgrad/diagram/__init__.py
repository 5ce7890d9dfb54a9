"""Drawings of a network as SVG text: its neurons with their numbers, its layers with their shapes, its steps."""

from .graph import graph
from .layers import layers
from .neurons import neurons
from .picture import Picture

__all__ = ["Picture", "graph", "layers", "neurons"]
