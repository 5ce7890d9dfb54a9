"""The formal name of a derivative of the loss."""

from __future__ import annotations


def derivative_name(value: str) -> str:
    """The name of the derivative of the loss by a value: dz of z."""
    return f"d{value}"
