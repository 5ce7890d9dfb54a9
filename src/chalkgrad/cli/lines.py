"""Forward lines that a command takes: as arguments, or from a TOML file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from ..base.checks import as_list, as_table, said
from ..base.errors import OptionError, nearest
from ..calculus.given import Given
from ..files.toml import parse_toml

KEYS = ("name", "formula", "source", "settings")


def read_given(arguments: Sequence[str], name: str | None) -> Given:
    """The operation that the arguments state.

    Raises:
        FormulaError: where a line cannot be read.
        OptionError: where a file has something else in it.
        OSError: where a file cannot be read.
    """
    if len(arguments) == 1 and arguments[0].lower().endswith(".toml"):
        return _of_file(Path(arguments[0]), name)
    return Given.of(arguments, name)


def _of_file(path: Path, name: str | None) -> Given:
    if not path.is_file():
        raise OptionError(f"there is no file {path}; a formula has an =, such as 'a[n] = tanh(z[n])'")
    table = parse_toml(path.read_bytes(), str(path), OptionError)
    for key in table:
        if key not in KEYS:
            raise OptionError(f"{path}: there is no {key!r} in an operation; {nearest(key, KEYS)}")
    formula = table.get("formula")
    lines = [formula] if isinstance(formula, str) else as_list(formula)
    if not lines or not all(isinstance(line, str) for line in lines):
        raise OptionError(f"{path}: formula is a line, or a list of lines, not {said(formula)}")
    for key in ("name", "source"):
        if not isinstance(table.get(key, ""), str):
            raise OptionError(f"{path}: {key} is text, not {said(table[key])}")
    settings = as_table(table.get("settings", {}))
    if settings is None or not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in settings.values()):
        raise OptionError(f"{path}: settings is a table of numbers, not {said(table.get('settings'))}")
    given = Given.of(
        cast("list[str]", lines), name or table.get("name"), table.get("source", ""), cast("dict[str, float]", settings)
    )
    for key in settings:
        if key not in given.names_of_settings:
            raise OptionError(f"{path}: the lines have no setting {key!r}; {nearest(key, given.names_of_settings)}")
    return given


def read_claimed(arguments: Sequence[str]) -> list[str]:
    """Claimed backward lines: each argument is one, or a file of them, a line each; # begins a remark.

    Raises:
        OptionError: where a file has none.
        OSError: where a file cannot be read.
    """
    lines: list[str] = []
    for argument in arguments:
        path = Path(argument)
        if "=" in argument or not path.suffix:
            lines.append(argument)
            continue
        if not path.is_file():
            raise OptionError(f"there is no file {path}; a claimed line has an =, such as 'dz[n] = da[n]'")
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise OptionError(f"{path} is no text of lines: it is not written in UTF-8") from None
        found = [line.partition(" #")[0].strip() for line in text.splitlines()]
        found = [line for line in found if line and not line.startswith("#")]
        if not found:
            raise OptionError(f"{path} has no claimed line, such as dz[n] = da[n]")
        lines += found
    return lines
