"""The name of a blank in an answer sheet: its label where the example has one, else its address."""

from __future__ import annotations

import math

from ..base.address import Address
from ..base.digits import rounded, significant
from ..base.errors import ChalkgradError
from ..explain.trace import Trace
from ..render.blocks import Style
from ..render.text import TextMath

NAME = "name"
"""The key of an answer sheet that is the student's name, so no blank is called so."""


def word(address: Address, trace: Trace) -> str:
    """The shortest text that `Trace.address` reads as this element: "dw1", "w1_new", "dW1[0, 0]"."""
    for text, place in trace.labelled.items():
        if place != str(address) or text == NAME:
            continue
        try:
            if trace.address(text) == address:
                return text
        except ChalkgradError:
            continue
    return str(address)


def with_zeros(value: float, digits: int) -> str:
    """A number in so many significant digits as by hand, zeros at the end included: 0.07830."""
    text = significant(rounded(value, digits), digits)
    mantissa, mark, exponent = text.partition("e")
    count = len(mantissa.lstrip("-").replace(".", "").lstrip("0"))
    if not value or not math.isfinite(value) or count >= digits:
        return text
    return f"{mantissa}{'' if '.' in mantissa else '.'}{'0' * (digits - count)}{mark}{exponent}"


def style_of(trace: Trace, precision: int) -> Style:
    """How a sheet prints names and numbers: with the example's labels, derivatives of the loss as such."""
    return Style(precision, dict(trace.labels), trace.program.partials, through=trace.through)


def display_name(address: Address, trace: Trace) -> str:
    """An element's name as a sheet's text has it: "∂E/∂w1", "da1[0, 0]"."""
    return TextMath(style_of(trace, 6)).address(address)


def name_and_address(address: Address, trace: Trace) -> str:
    """An element's name as a sheet's text has it, with its address where that is another: "∂E/∂w1, dW1[0, 0]"."""
    text = display_name(address, trace)
    return text if text == str(address) else f"{text}, {address}"
