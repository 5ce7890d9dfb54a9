"""The page of a network: one HTML file in which every number can be opened and changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ..base.checks import said
from ..base.errors import OptionError
from ..describe.losses import CrossEntropy, Loss
from ..describe.optimizers import Optimizer, OptimizerState, as_optimizer
from ..explain.trace import Trace
from ..files.writing import write_named
from ..formula.nodes import Element, walk
from ..model.model import Model
from ..program import Role
from .copies import script_parts, toml_parts
from .data import PageData, page_data
from .document import document
from .drawing import drawing
from .mistakes import mistake_records
from .words import words

MOST_MAPS = 12
"""The most values that a page shows as pictures."""
HEIGHT = 900
"""The height of a page within a notebook, in CSS pixels."""


@dataclass(frozen=True)
class Page:
    """A page as HTML text, complete in itself; in a notebook it shows itself.

    Attributes:
        title: its heading.
        data: what it is made of.
    """

    title: str
    data: PageData

    @property
    def html(self) -> str:
        """The document."""
        return document(self.data)

    def save(self, path: str | Path) -> None:
        """Writes the document to the file `path`, as a whole or not at all.

        Raises:
            OSError: where that is not possible.
        """
        write_named(Path(path), self.html)

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.html)}" title="{escape(self.title)}" width="100%" height="{HEIGHT}" '
            'sandbox="allow-scripts allow-downloads" loading="lazy" frameborder="0"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<page {self.title!r}: {len(self.data.table['lines'])} lines; save(path) writes it>"


def page(
    network: Model,
    x: Any,
    y: Any,
    *,
    optimizer: Optimizer | str = "SGD",
    title: str = "",
    text: str = "",
    labels: Mapping[str, str] | None = None,
    optimizer_state: Mapping[str, Any] | OptimizerState | None = None,
    sample_weight: Any = None,
    classes: Sequence[str] = (),
    image: tuple[int, int] | None = None,
    lang: str = "en",
    slides: bool = False,
) -> Page:
    """The page of a network on some samples.

    Args:
        network: the network; the page begins with its parameters.
        x: samples (N, *input_shape); all of them are every training step's batch.
        y: their targets.
        optimizer: how the page trains.
        title: its heading; the network in one line if not given.
        text: a paragraph below it.
        labels: other names of elements, by address.
        optimizer_state: what the optimizer carries from earlier steps.
        sample_weight: the samples' weights, as for `fit`.
        classes: the names of the classes, one for each output.
        image: the height and width of a sample that is an image in a row.
        lang: the language of the page's words: "en", "de", "fr", "es" or "zh".
        slides: whether it begins with the slides.

    Raises:
        OptionError: where a setting is invalid, or the pass is too large for a page.
        ShapeError, DataError: where x and y do not fit.
    """
    said_in = words(lang)
    if not isinstance(title, str) or not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise OptionError(f"page: title and text must be text, not {said(title)}")
    optimizer = as_optimizer(optimizer, network.dtype)
    trace = network.trace(
        x, y, optimizer=optimizer, labels=labels, optimizer_state=optimizer_state, sample_weight=sample_weight
    )
    title = " ".join(title.split()) or repr(network).strip("<>")
    data = page_data(trace, title, " ".join(text.split()))
    data.table.update(
        {
            "drawing": drawing(network, trace),
            "mistakes": mistake_records(trace),
            "bounds": _bounds(trace),
            "parts": [[p.begin, p.begin + p.size, p.below] for p in network.layout.whole if network.layout.several],
            "classes": _classes(network, trace, classes),
            "image": _image(network, trace, image),
            "pictures": _pictures(network, trace),
            "description": toml_parts(network, trace, optimizer, title, text),
            "script": script_parts(network, trace, optimizer, title),
            "words": said_in,
            "lang": lang,
            "slides": bool(slides),
            **_region(network, trace),
        }
    )
    return Page(title, data)


def _bounds(trace: Trace) -> dict[str, int]:
    """For each given value of whole numbers that are indices, the number that they must be below."""
    bounds: dict[str, int] = {}
    program = trace.program
    for step in program:
        formula = step.formula
        if formula is None:
            continue
        network_name = dict(zip(step.rule.operands, step.inputs, strict=True))
        for element in formula.elements:
            of = network_name.get(element.name, step.output if element.name == formula.output else None)
            for axis, index in enumerate(element.indices):
                for node in walk(index):
                    name = network_name.get(node.name) if isinstance(node, Element) else None
                    if (
                        name is not None
                        and of is not None
                        and of in program.shapes
                        and program.values[name].dtype == "int"
                    ):
                        size = program.shapes[of][axis]
                        if isinstance(size, int):
                            bounds[name] = min(bounds.get(name, size), size)
    return bounds


def _classes(network: Model, trace: Trace, classes: Sequence[str]) -> list[str]:
    """The names of the outputs, where the network tells classes apart and the page reads them aloud."""
    output = network.output_shape
    loss: Loss = network.loss_function
    if len(output) != 1 or output[0] < 2 or not isinstance(loss, CrossEntropy):
        return []
    if classes and len(classes) != output[0]:
        raise OptionError(f"page: classes must name {output[0]} outputs; there are {len(classes)}")
    return [str(name) for name in classes] or [str(k) for k in range(output[0])]


def _image(network: Model, trace: Trace, image: tuple[int, int] | None) -> list[int] | None:
    """The height and width of the samples, where they are images of one channel that somebody may draw in."""
    shape = network.layout.sample_shape
    if network.layout.several or "x" not in trace or network.program.values["x"].dtype == "int":
        return None
    if image is not None:
        if len(image) != 2 or image[0] * image[1] != np.prod(shape):
            raise OptionError(f"page: image is the height and width of samples of shape {shape}, not {image}")
        return [int(image[0]), int(image[1])]
    if len(shape) == 3 and shape[0] == 1:
        return [int(shape[1]), int(shape[2])]
    return None


def _pictures(network: Model, trace: Trace) -> list[dict[str, Any]]:
    """The values that are worth a look as pictures: images, kernels, what layers give, attention, sequences."""
    program = trace.program
    last = {step.owner.line: step.output for step in program.part("forward") if step.owner.line is not None}
    attention = [s.output for s in program.part("forward") if s.rule.output == "A" and len(s.shape) == 4]
    found: list[dict[str, Any]] = []
    for name, value in program.values.items():
        shape = value.shape
        if len(shape) < 3 or min(int(size) for size in shape[-2:]) < 2 or name not in trace:
            continue
        kernels = value.role is Role.PARAMETER and len(shape) == 4
        seen = name in last.values() or name in attention or (name == "x" and shape[1] != 1)
        if kernels or seen:
            found.append({"name": name, "time": len(shape) == 3})
    return found[:MOST_MAPS]


def _region(network: Model, trace: Trace) -> dict[str, Any]:
    """Whether the page shows what the network gives over the plane, and the lines that are needed for it.

    These are the training's lines: only a network whose prediction is the same has such a picture.
    """
    forward = [step.output for step in trace.program.needed_for([_prediction(network)])]
    predicted = [step.output for step in network.prediction_program.needed_for([_prediction(network)])]
    plane = network.layout.sample_shape == (2,) and not network.layout.several
    whole = "x" in trace and trace.program.values["x"].dtype == "int"
    fits = plane and len(trace["x"]) > 1 and not whole and forward == predicted and len(network.output_shape) == 1
    return {"region": fits, "prediction": forward if fits else []}


def _prediction(network: Model) -> str:
    return network.program.resolve("y_hat")
