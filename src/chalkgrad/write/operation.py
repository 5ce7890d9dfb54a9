"""An operation as a program that stands alone: forward, the derived backward pass, and a test of its own."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence

import numpy as np

from ..base.errors import FormulaError
from ..base.text import visible
from ..calculus.array_code import assigned
from ..calculus.check import forward
from ..calculus.dialects import HELPERS, NUMPY, TORCH, Dialect
from ..calculus.draws import Draw, draw
from ..calculus.given import Given
from ..calculus.names import derivative_name
from ..formula.formula import Formula
from .operation_in_c import operation_in_c


def operation_text(given: Given, language: str, *, test: bool = True) -> str:
    """The operation as a program.

    Args:
        given: the forward lines.
        language: "numpy", "torch" (a `torch.autograd.Function`) or "c".
        test: whether its test is in it.

    Raises:
        FormulaError: where a line has no form in the language: it reads its own output at another time.
    """
    if given.derivation.recurs:
        raise FormulaError(f"{given.formulas[-1].text!r} is a loop over time, which has no form on whole arrays")
    if language == "c":
        return operation_in_c(given, _drawn(given))
    body = _numpy(given, test=test) if language == "numpy" else _torch(given)
    return body.rstrip() + "\n"


def head(given: Given) -> str:
    """The first lines of what is written: the forward lines, and where they are from."""
    lines = [visible(f.text) for f in given.formulas]
    source = [f"Source: {visible(given.source)}"] if given.source else []
    return "\n".join([f"{given.name}, forward and backward.", "", *lines, *(["", *source] if source else [])])


def _numpy(given: Given, *, test: bool) -> str:
    forward, backward = _forward(given, NUMPY), _backward(given, NUMPY)
    code = "\n".join([*forward, *backward])
    parts: list[str] = []
    if test:
        modules = ["import math\n"] if "math." in code else []
        words = "Run it: the backward pass is compared with central differences."
        parts.append("\n".join([f'"""{head(given)}\n\n{words}\n"""\n', *modules, "import numpy as np\n"]))
    if any(f"{helper}(" in code for helper in HELPERS):
        parts.append(NUMPY.helpers)
    inputs, settings = _parameters(given)
    saved = _saved(given)
    returned = ", ".join([given.output, *saved])
    parts.append(
        f"def forward({inputs}{settings}):\n"
        f'    """{given.output}{", and what the backward pass reads" if saved else ""}."""\n'
        + textwrap.indent("\n".join([*forward, f"return {returned}"]), "    ")
        + "\n"
    )
    came = derivative_name(given.output)
    names = ", ".join([came, *_read_backward(given)])
    gradients = [d.of for d in given.derivation.derivatives if d.of in given.inputs]
    result = "{" + ", ".join(f'"{n}": {derivative_name(n)}' for n in gradients) + "}"
    parts.append(
        f"def backward({names}{settings}):\n"
        f'    """The derivatives of the loss, from {came}, that by {given.output}."""\n'
        + textwrap.indent("\n".join([*backward, f"return {result}"]), "    ")
        + "\n"
    )
    if test:
        parts.append(_numpy_test(given, gradients))
    return "\n\n".join(part.rstrip("\n") + "\n" for part in parts)


def _parameters(given: Given) -> tuple[str, str]:
    settings = given.names_of_settings
    return ", ".join(given.inputs), f", *, {', '.join(settings)}" if settings else ""


def _saved(given: Given) -> list[str]:
    """The values in between that the backward pass reads."""
    outputs = [f.output for f in given.formulas]
    return [name for name in _read_backward(given) if name in outputs and name != given.output]


def _read_backward(given: Given, dialect: Dialect = NUMPY) -> list[str]:
    """What the backward pass reads besides the output's derivative."""
    code = "\n".join(line for line in _backward(given, dialect) if not line.startswith("#"))
    words = set(re.findall(r"(?<![.\w])[A-Za-z_]\w*", code))
    values = [*given.inputs, *(f.output for f in given.formulas)]
    return [name for name in dict.fromkeys(values) if name in words]


def _forward(given: Given, dialect: Dialect) -> list[str]:
    lines: list[str] = []
    for formula in given.formulas:
        lines.append(f"# {formula.text}")
        lines += assigned(formula, formula.output, None, dialect, len(lines) + 1)
    return lines


def _backward(given: Given, dialect: Dialect) -> list[str]:
    lines: list[str] = []
    settings = {o for f in given.formulas for o in f.options}
    for one in given.derivation.derivatives:
        formula = Formula(one.text, settings)
        lines.append(f"# {formula.text}")
        lines += assigned(formula, derivative_name(one.of), one.of, dialect, len(lines) + 1)
    return lines


def _numpy_test(given: Given, gradients: Sequence[str]) -> str:
    drawn = _drawn(given)
    arrays = "\n".join(f"    {name} = {_random(name, drawn, given, 'rng')}" for name in drawn.arrays)
    settings = ", ".join(f"{n}={_plain(drawn.settings[n])}" for n in given.names_of_settings)
    with_settings = f", {settings}" if settings else ""
    inputs = ", ".join(given.inputs)
    saved = _saved(given)
    first = f"{given.output}, *saved" if saved else given.output
    took = "{" + ", ".join(f'"{n}": {n}' for n in given.inputs) + "}"
    names = ", ".join([f"{derivative_name(given.output)}", *_read_backward(given)])
    unpack = f"    {', '.join(saved)}{',' if len(saved) == 1 else ''} = saved\n" if saved else ""
    call = f"forward(**inputs{with_settings})"
    value = f"{call}[0]" if saved else call
    return f'''def test():
    """Compares every derivative with central differences."""
    rng = np.random.default_rng(0)
{arrays}
    {first} = forward({inputs}{with_settings})
{unpack}    {derivative_name(given.output)} = rng.standard_normal({given.output}.shape)
    gradients = backward({names}{with_settings})
    inputs = {took}
    for name in {json.dumps(list(gradients))}:
        array, expected = inputs[name], np.zeros(inputs[name].shape)
        for place in np.ndindex(array.shape):
            sides = []
            for step in (1e-6, -1e-6):
                array[place] += step
                sides.append(({value} * {derivative_name(given.output)}).sum())
                array[place] -= step
            expected[place] = (sides[0] - sides[1]) / 2e-6
        away = np.abs(gradients[name] - expected).max(initial=0.0)
        print(f"d{{name}}: largest difference {{away:.1e}}")
        assert away <= 1e-6 * max(1.0, np.abs(expected).max(initial=0.0)), name


if __name__ == "__main__":
    test()
'''


def _drawn(given: Given) -> Draw:
    return draw(given.formulas, 1, positive=_needs_positive(given), given=given.settings)


def _needs_positive(given: Given) -> bool:
    """Whether the lines give numbers only for operands above 0."""
    with np.errstate(all="ignore"):
        try:
            values = forward(given.formulas, draw(given.formulas, 1, given=given.settings))
        except (ValueError, ZeroDivisionError, OverflowError):
            return True
    return not all(np.isfinite(v).all() for v in values.values())


def _random(name: str, drawn: Draw, given: Given, rng: str) -> str:
    array = drawn.arrays[name]
    shape = f"({', '.join(map(str, array.shape))}{',' if array.ndim == 1 else ''})"
    if array.dtype.kind == "i":
        return f"{rng}.integers(0, {int(array.max(initial=0)) + 1}, {shape})"
    if _needs_positive(given):
        return f"{rng}.uniform(0.2, 2.0, {shape})"
    return f"{rng}.standard_normal({shape})"


def _plain(value: float) -> str:
    return repr(int(value)) if float(value).is_integer() else repr(float(value))


# -- PyTorch -------------------------------------------------------------------------------------------------------


def _torch(given: Given) -> str:
    forward, backward = _forward(given, TORCH), _backward(given, TORCH)
    code = "\n".join([*forward, *backward])
    settings = given.names_of_settings
    gradients = [d.of for d in given.derivation.derivatives if d.of in given.inputs]
    saved = _read_backward(given, TORCH)
    came = derivative_name(given.output)
    modules = ["import math\n"] if "math." in code else []
    words = "Run it: the backward pass goes through torch.autograd.gradcheck."
    parts = ["\n".join([f'"""{head(given)}\n\n{words}\n"""\n', *modules, "import torch\n"])]
    if any(f"{helper}(" in code for helper in HELPERS):
        parts.append(TORCH.helpers)
    name = "".join(word[:1].upper() + word[1:] for word in given.name.split("_"))
    inputs = ", ".join([*given.inputs, *settings])
    keep = "".join(f"\nctx.{n} = {n}" for n in settings)
    save = f"ctx.save_for_backward({', '.join(saved)})" if saved else "pass"
    unpack = f"{', '.join(saved)}{',' if len(saved) == 1 else ''} = ctx.saved_tensors" if saved else ""
    regain = [f"{n} = ctx.{n}" for n in settings]
    result = ", ".join(
        [*(derivative_name(n) if n in gradients else "None" for n in given.inputs), *("None" for _ in settings)]
    )
    parts.append(
        f"class {name}(torch.autograd.Function):\n"
        f'    """{given.output} of {", ".join(given.inputs)}, with its backward pass written out."""\n\n'
        "    @staticmethod\n"
        f"    def forward(ctx, {inputs}):\n"
        + textwrap.indent("\n".join([*forward, *f"{save}{keep}".split("\n"), f"return {given.output}"]), "        ")
        + "\n\n    @staticmethod\n"
        f"    def backward(ctx, {came}):\n"
        + textwrap.indent(
            "\n".join([*([unpack] if unpack else []), *regain, *backward, f"return {result}"]), "        "
        )
        + "\n"
    )
    parts.append(_torch_test(given, name, gradients))
    return "\n\n".join(part.rstrip("\n") + "\n" for part in parts)


def _torch_test(given: Given, name: str, gradients: Sequence[str]) -> str:
    drawn = _drawn(given)
    lines: list[str] = []
    for one, array in drawn.arrays.items():
        shape = ", ".join(map(str, array.shape))
        if array.dtype.kind == "i":
            lines.append(f"{one} = torch.randint(0, {int(array.max(initial=0)) + 1}, ({shape},))")
        elif _needs_positive(given):
            lines.append(f"{one} = 0.2 + 1.8 * torch.rand({shape}, dtype=torch.float64)")
        else:
            lines.append(f"{one} = torch.randn({shape}, dtype=torch.float64)")
        if one in gradients:
            lines.append(f"{one}.requires_grad_()")
    settings = [_plain(drawn.settings[n]) for n in given.names_of_settings]
    arguments = ", ".join([*given.inputs, *settings])
    body = textwrap.indent("\n".join(lines), "    ")
    return f'''def test():
    """gradcheck: the backward pass against finite differences, in float64."""
    torch.manual_seed(0)
{body}
    assert torch.autograd.gradcheck({name}.apply, ({arguments}))
    print("gradcheck passed")


if __name__ == "__main__":
    test()
'''
