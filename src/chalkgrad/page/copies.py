"""What a page copies with the numbers as they are: the worked example as TOML, the network as a NumPy script."""

from __future__ import annotations

from typing import Any

from ..base.checks import as_list, as_table
from ..base.errors import ChalkgradError
from ..base.text import as_toml
from ..describe.optimizers import Optimizer
from ..describe.settings import to_table
from ..explain.trace import Trace
from ..model.model import Model
from ..write.arrays import LIMIT, NumPyStyle, array_assignment
from ..write.numpy_script import numpy_script


def toml_parts(network: Model, trace: Trace, optimizer: Optimizer, title: str, text: str) -> dict[str, str] | None:
    """A worked example's TOML without its numbers: what stands before x and y, and the tables after them.

    None where the network has no form in a file.

    Args:
        network: the network.
        trace: the pass that the page begins with.
        optimizer: how the parameters are updated.
        title: the page's heading.
        text: the paragraph below it.
    """
    try:
        table = {"title": title, **({"text": text} if text else {}), **network.to_table()}
        table["optimizer"] = to_table(optimizer)
    except ChalkgradError:
        return None
    top = {key: value for key, value in table.items() if not _is_table(value)}
    tables = {key: value for key, value in table.items() if _is_table(value)}
    labels: dict[str, Any] = {"labels": dict(trace.labels)} if trace.labels else {}
    return {"top": as_toml(top), "tables": as_toml({**tables, **labels})}


def _is_table(value: object) -> bool:
    items = as_list(value)
    return as_table(value) is not None or (bool(items) and as_table(items[0]) is not None)


def script_parts(network: Model, trace: Trace, optimizer: Optimizer, title: str) -> list[Any] | None:
    """A NumPy script in pieces: its text, and between it the arrays whose numbers the page puts in.

    None where an array is too long to be written out, or the script has it in another way.

    Args:
        network: the network.
        trace: the pass that the page begins with.
        optimizer: how the parameters are updated.
        title: the script's first line.
    """
    arrays = {**{n: trace[n] for n in ("x", "y") if n in trace}, **network.parameters, **network.states}
    if any(array.size > LIMIT for array in arrays.values()):
        return None
    try:
        text = numpy_script(network, trace["x"], trace["y"], optimizer=optimizer, title=title)
    except ChalkgradError:
        return None
    parts: list[Any] = [text]
    for name, array in arrays.items():
        written = "\n".join(array_assignment(name, array, NumPyStyle()))
        place = next((k for k, part in enumerate(parts) if isinstance(part, str) and f"\n{written}\n" in part), None)
        if place is None:
            return None
        before, _, after = parts[place].partition(f"\n{written}\n")
        known = {"array": name, "name": name, "dtype": str(array.dtype)}
        parts[place : place + 1] = [f"{before}\n", known, f"\n{after}"]
    return parts
