"""The arrays that a script begins with: its parameters, running averages, samples and targets.

Small arrays stand in the script. Large parameters that still are what the network's seed draws are drawn again;
trained ones, and many samples, stand in it as the text of their bytes, or lie in files beside it (`files_beside`).
"""

from __future__ import annotations

import ast
import base64
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..base.errors import OptionError
from ..describe.initializers import Constant, Initializer, initializer
from ..describe.layers import Parameter
from ..describe.losses import BinaryCrossEntropy, CrossEntropy, Hinge, are_classes
from ..model.model import Model
from ..program.names import SAMPLE_WEIGHT
from .inline import Library, lines_of
from .layout import WIDTH, statement_lines
from .literals import Array, array_lines, number_text, string_text

LIMIT = 300
"""Arrays of more numbers than this are not written out, a number after the other."""
MOST = 250_000
"""Arrays of more numbers than this in all do not stand in a script: it would be megabytes of text."""
EXAMPLES = 8
"""How many samples a script draws that was given none."""


class Style(Protocol):
    """How a library's arrays are written."""

    def array(self, dtype: np.dtype[Any]) -> tuple[str, str]:
        """The text before and after nested lists of numbers."""
        ...

    def constant(self, shape: tuple[int, ...], value: float, dtype: np.dtype[Any]) -> str:
        """An array of one value."""
        ...

    def numpy(self, expression: ast.expr) -> ast.expr:
        """A NumPy array's expression as this library's array."""
        ...


class NumPyStyle:
    """NumPy's arrays."""

    def array(self, dtype: np.dtype[Any]) -> tuple[str, str]:
        """The text before and after nested lists of numbers."""
        return "np.array(", ", dtype=np.float32)" if dtype == np.float32 else ")"

    def constant(self, shape: tuple[int, ...], value: float, dtype: np.dtype[Any]) -> str:
        """An array of one value."""
        kind = ", dtype=np.float32" if dtype == np.float32 else ""
        return _full("np", shape, value, dtype, kind)

    def numpy(self, expression: ast.expr) -> ast.expr:
        """A NumPy array's expression as it is."""
        return expression


class TorchStyle:
    """PyTorch's tensors, of the default dtype."""

    def array(self, dtype: np.dtype[Any]) -> tuple[str, str]:
        """The text before and after nested lists of numbers."""
        return "torch.tensor(", ")"

    def constant(self, shape: tuple[int, ...], value: float, dtype: np.dtype[Any]) -> str:
        """A tensor of one value."""
        return _full("torch", shape, value, dtype, "")

    def numpy(self, expression: ast.expr) -> ast.expr:
        """A NumPy array's expression as a tensor."""
        return ast.Call(ast.Attribute(ast.Name("torch", ast.Load()), "from_numpy", ast.Load()), [expression], [])


def _full(library: str, shape: tuple[int, ...], value: float, dtype: np.dtype[Any], kind: str) -> str:
    size = str(shape[0]) if len(shape) == 1 and library == "np" else str(shape)
    if str(value) in ("0.0", "1.0"):
        return f"{library}.{'zeros' if value == 0 else 'ones'}({size}{kind})"
    return f"{library}.full({size}, {number_text(value, dtype)}{kind})"


# -- what does not stand in the script ---------------------------------------------------------------------------


def files_beside(network: Model, x: Any, y: Any, beside: str, sample_weight: Any = None) -> dict[str, dict[str, Array]]:
    """The files that lie beside a script: by name, each with arrays by name, as `np.savez` takes them.

    Args:
        network: the network.
        x: the script's samples.
        y: their targets.
        beside: the script's name without its ending; the files' names begin with it.
        sample_weight: the samples' weights, if they have any.
    """
    files = {"weights": weights_needed(network), "data": data_needed(network, x, y, sample_weight)}
    return {_file(beside, kind): arrays for kind, arrays in files.items() if arrays is not None}


def read_beside(network: Model, data: Data, beside: str | None) -> list[str]:
    """The sentence of a script's docstring that names the files it reads, if it reads any.

    Raises:
        OptionError: where there is nothing beside it, and its arrays are too large to stand in it.
    """
    weights = weights_needed(network) or {}
    samples = _saved(data) or {}
    if beside is not None:
        names = [_file(beside, kind) for kind, arrays in (("weights", weights), ("data", samples)) if arrays]
        return [f"It reads {' and '.join(names)}, which must lie beside it."] if names else []
    sizes = {n: a.size for n, a in {**samples, **weights}.items() if a.size > LIMIT}
    if sum(sizes.values()) > MOST:
        name = max(sizes, key=lambda n: sizes[n])
        raise OptionError(
            f"the script would hold {sum(sizes.values()):,} numbers as text ({name}: {sizes[name]:,}); say where it is "
            'written (out="network.py", on the command line --out network.py), and they lie in a file beside it'
        )
    return []


def _file(beside: str, kind: str) -> str:
    return f"{beside}_{kind}.npz"


# -- parameters and running averages -----------------------------------------------------------------------------


def weights_needed(network: Model) -> dict[str, Array] | None:
    """The parameters and running averages that a script can neither write out nor draw: arrays by name.

    None where it holds or draws all of them.
    """
    arrays = {**network.parameters, **network.states}
    if not any(_long(a) for a in arrays.values()) or _draws(network) is not None:
        return None
    return {name: np.array(array) for name, array in arrays.items()}


def weight_lines(
    network: Model, names: Mapping[str, str], used: set[str], style: Style, beside: str | None
) -> list[str]:
    """The lines that give a script's parameters and running averages, those of them that are `used`."""
    arrays = {**network.parameters, **network.states}
    needed = weights_needed(network) is not None
    if needed and beside is not None:
        lines = [_load("weights", beside)]
        return lines + [line for name in arrays if name in used for line in _read("weights", name, names[name], style)]
    draws = _draws(network) if not needed and any(_long(a) for a in arrays.values()) else {}
    lines: list[str] = []
    if draws:
        lines.append(f"rng = np.random.default_rng({network.seed})")
    for name, array in arrays.items():
        if draws and name in draws:
            lines += _draw_lines(*draws[name], names[name], network.dtype, set(names.values()), style)
        elif name in used:
            lines += array_assignment(names[name], array, style)
    return lines


def array_assignment(name: str, array: Array, style: Style) -> list[str]:
    """An array as an assignment: its numbers, or zeros and the like where it is of one value; a long one's bytes."""
    constant = str(array.flat[0].item()) in ("0.0", "1.0")
    if array.size > (1 if constant else 4) and _uniform(array):
        return [f"{name} = {style.constant(array.shape, array.flat[0].item(), array.dtype)}"]
    if array.size > LIMIT:
        return _bytes_lines(name, array, style)
    start, end = style.array(array.dtype)
    return array_lines(f"{name} = {start}", array, end)


def _uniform(array: Array) -> bool:
    return bool((array == array.flat[0]).all() and (np.signbit(array) == np.signbit(array.flat[0])).all())


def _long(array: Array) -> bool:
    return array.size > LIMIT and not _uniform(array)


def _bytes_lines(name: str, array: Array, style: Style) -> list[str]:
    """A long array as the text of its bytes."""
    little_endian = array.astype(array.dtype.newbyteorder("<"))
    text = base64.b64encode(little_endian.tobytes()).decode()
    before, after = ast.unparse(style.numpy(ast.Name("BYTES", ast.Load()))).split("BYTES")
    decoding = f'"{little_endian.dtype.str}").astype(np.{array.dtype.name}).reshape({", ".join(map(str, array.shape))})'
    opening = f'{name} = {before}np.frombuffer(base64.b64decode("""'
    return [opening, *(text[i : i + WIDTH] for i in range(0, len(text), WIDTH)), f'"""), {decoding}{after}']


def _load(kind: str, beside: str) -> str:
    return f"{kind} = np.load(Path(__file__).with_name({string_text(_file(beside, kind))}))"


def _read(file: str, key: str, name: str, style: Style) -> list[str]:
    item = ast.Subscript(ast.Name(file, ast.Load()), ast.Constant(key), ast.Load())
    text = ast.unparse(style.numpy(item)).replace(f"'{key}'", f'"{key}"')
    return [f"{name} = {text}"]


def _initial(network: Model) -> Iterator[tuple[str, Parameter, Initializer]]:
    """Every parameter with its initialiser, in the order in which the network draws them."""
    for line in network.layout.lines:
        automatic = initializer("he" if network.layout.rectified(line.place) else "glorot")
        for name, parameter in line.parameters.items():
            yield name, parameter, parameter.initial if parameter.initial is not None else automatic


def _draws(network: Model) -> dict[str, tuple[Parameter, Initializer]] | None:
    """The parameters that a script with long arrays draws; None where a long one is no longer what was drawn.

    They are drawn in order from one generator, so that nothing after the first changed one can be drawn.
    """
    if any(_long(s) for s in network.states.values()):
        return None
    rng = np.random.default_rng(network.seed)
    draws: dict[str, tuple[Parameter, Initializer]] = {}
    agrees = True
    for name, parameter, initial in _initial(network):
        if not isinstance(initial, Constant):
            values = initial.draw(parameter.shape, parameter.fan_in, parameter.fan_out, rng)
            agrees = agrees and np.array_equal(values.astype(network.dtype), network.parameters[name])
            if agrees:
                draws[name] = parameter, initial
        if name not in draws and _long(network.parameters[name]):
            return None
    return draws


def _draw_lines(
    parameter: Parameter, initial: Initializer, name: str, dtype: np.dtype[Any], taken: set[str], style: Style
) -> list[str]:
    arguments: dict[str, ast.expr] = {
        "self": ast.Constant(initial),  # pyright: ignore[reportArgumentType] (its settings are read, it is not written)
        "shape": ast.Tuple([ast.Constant(s) for s in parameter.shape], ast.Load()),
        "fan_in": ast.Constant(parameter.fan_in),
        "fan_out": ast.Constant(parameter.fan_out),
        "rng": ast.Name("rng", ast.Load()),
    }
    lines = lines_of(type(initial).draw, name, arguments, Library(taken), {})
    assert lines is not None
    lines[-1].value = style.numpy(_single(lines[-1].value, dtype))
    return [text for line in lines for text in statement_lines(line)]


def _single(expression: ast.expr, dtype: np.dtype[Any]) -> ast.expr:
    """An expression in float64 as one of the network's dtype."""
    if dtype != np.float32:
        return expression
    single = ast.Attribute(ast.Name("np", ast.Load()), "float32", ast.Load())
    return ast.Call(ast.Attribute(expression, "astype", ast.Load()), [single], [])


# -- samples and targets -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Data:
    """Samples and targets of a script.

    Attributes:
        x: the samples; None for an example that the script draws.
        y: the targets as the program takes them.
        labels: the class numbers that y was given as, if it was.
        weights: the samples' weights, if they have any.
    """

    x: Array | None = None
    y: Array | None = None
    labels: Array | None = None
    weights: Array | None = None

    @property
    def saved(self) -> bool:
        """Whether it is too much to be written out."""
        target = self.y if self.labels is None else self.labels
        return self.x is not None and target is not None and (self.x.size > LIMIT or target.size > LIMIT)


def script_data(network: Model, x: Any, y: Any, sample_weight: Any = None) -> Data:
    """Samples and targets as a script's data, with the samples' weights, if they have any.

    Raises:
        OptionError: where one is given without the other.
        ShapeError, DataError: where they do not fit the network.
    """
    if x is None and y is None:
        return Data()
    if x is None or y is None:
        raise OptionError("a script takes both x and y, or neither: then it draws an example")
    ready_x, ready_y = network.pair(x, y)
    numbers = are_classes(y, network.output_shape) and not network.loss_function.ignores
    labels = np.asarray(y).astype(np.int64) if numbers else None
    return Data(ready_x, ready_y, labels, network.sample_weights(sample_weight, ready_y))


def data_needed(network: Model, x: Any, y: Any, sample_weight: Any = None) -> dict[str, Array] | None:
    """The samples and targets that are too many to be written out: arrays by name; None where they are few."""
    return _saved(script_data(network, x, y, sample_weight))


def _saved(data: Data) -> dict[str, Array] | None:
    if not data.saved or data.x is None or data.y is None:
        return None
    arrays = {"x": data.x, "y": data.y} if data.labels is None else {"x": data.x, "labels": data.labels}
    return arrays if data.weights is None else {**arrays, SAMPLE_WEIGHT: data.weights}


def data_lines(network: Model, data: Data, style: Style, one_hot: str, beside: str | None) -> list[str]:
    """The lines that give a script's x and y; `one_hot` makes y of class numbers, empty where y are `labels`."""
    if data.x is None or data.y is None:
        return _example_lines(network, style, one_hot)
    by_class = data.labels is not None
    target, values = ("labels", data.labels) if data.labels is not None else ("y", data.y)
    end = [one_hot] if by_class and one_hot else []
    also = "" if data.weights is None else ", and how much each counts"
    heading = f"# the samples, one a row, and their targets{also}"
    arrays = {"x": data.x, target: np.asarray(values)}
    arrays |= {} if data.weights is None else {SAMPLE_WEIGHT: data.weights}
    if data.saved and beside is not None:
        reading = [line for name in arrays for line in _read("data", name, name, style)]
        return [heading, _load("data", beside), *reading, *end]
    return [heading, *(line for name, array in arrays.items() for line in array_assignment(name, array, style)), *end]


def _example_lines(network: Model, style: Style, one_hot: str) -> list[str]:
    """Lines that draw samples and targets such as the network takes."""
    outputs, loss = network.output_shape, network.loss_function
    shape = (EXAMPLES, *outputs)
    lines = [
        "# an example drawn at random: put your own samples (rows) and targets here",
        f"example = np.random.default_rng({network.seed})",
        *_example_samples(network, style),
    ]
    *steps, classes = outputs
    if len(steps) < 2 and classes > 1 and isinstance(loss, (CrossEntropy, Hinge)):
        lines.append(_whole_numbers("labels", classes, tuple(steps), style))
        return [*lines, one_hot] if one_hot else lines
    if isinstance(loss, BinaryCrossEntropy):
        return lines + _expression_line("y", f"example.integers(0, 2, {shape}).astype(float)", network, style)
    if isinstance(loss, Hinge):
        return lines + _expression_line("y", f"example.choice([-1.0, 1.0], {shape})", network, style)
    return lines + _expression_line("y", f"example.standard_normal({shape})", network, style)


def _example_samples(network: Model, style: Style) -> list[str]:
    """The lines that draw x: whole numbers where the network takes ids."""
    layout, shape = network.layout, network.layout.sample_shape
    lines = (
        [_whole_numbers("x", min(layout.ids.values()), shape, style)]
        if layout.all_whole
        else _expression_line("x", f"example.standard_normal({(EXAMPLES, *shape)})", network, style)
    )
    begin = 0
    for name, sizes in layout.inputs.items():
        end = begin + math.prod(sizes)
        if name in layout.ids and not layout.all_whole:
            drawn = _whole_numbers(f"x[:, {begin}:{end}]", layout.ids[name], sizes, style)
            lines.append(f"{drawn}  # {name}: whole numbers")
        lines += [f"x[:, {begin}:{end}] = 1  # {name}: every key counts"] if name in layout.masks else []
        begin = end
    return lines


def _whole_numbers(name: str, below: int, shape: tuple[int, ...], style: Style) -> str:
    """A line that draws whole numbers, an array of this shape for each sample."""
    size = f"({EXAMPLES}, {', '.join(map(str, shape))})" if shape else str(EXAMPLES)
    drawn = ast.parse(f"example.integers(0, {below}, {size})", mode="eval").body
    return f"{name} = {ast.unparse(style.numpy(drawn))}"


def _expression_line(name: str, text: str, network: Model, style: Style) -> list[str]:
    expression = style.numpy(_single(ast.parse(text, mode="eval").body, network.dtype))
    return [f"{name} = {ast.unparse(expression)}"]
