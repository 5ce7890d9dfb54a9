"""The output of a command: to the terminal or a file, in the format that was asked for."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path

from ..base.colour import coloured
from ..base.errors import OptionError
from ..base.messages import Lossy
from ..base.text import visible
from ..files.writing import descriptor, is_stream, reason, write_named
from ..render.formats import Printable, in_format

LEAST_WIDTH = 40
ENDINGS = {
    ".txt": "text",
    ".md": "markdown",
    ".tex": "latex",
    ".html": "html",
    ".htm": "html",
    ".json": "json",
}


def chosen_format(form: str | None, out: str | None, plain: tuple[str, ...] = ("",), others: Iterable[str] = ()) -> str:
    """The format that was asked for, or the one that the file's name ends in; text without a file.

    Args:
        form: the format that was asked for.
        out: the file.
        plain: endings that mean text too.
        others: endings that the command knows besides, for the message.

    Raises:
        OptionError: where the file's name ends in something else.
    """
    if form is not None or out is None:
        return form or "text"
    ending = Path(out).suffix.lower()
    if ending not in ENDINGS and ending not in plain:
        known = ", ".join(dict.fromkeys(e for e in (*plain, *others, *ENDINGS) if e))
        raise OptionError(f"{out} ends in {ending or 'nothing'}; known: {known}; or give --format")
    return ENDINGS.get(ending, "text")


def check_ending(out: str | None, endings: tuple[str, ...], what: str) -> None:
    """Refuses a file whose name says that it is of another kind; a device or a pipe may have any name.

    Raises:
        OptionError: where --out names one.
    """
    if out is not None and not out.lower().endswith(endings) and not is_stream(Path(out)):
        raise OptionError(f"{what}: give --out a name that ends in {endings[0]}, not {out}")


def check_out(arguments: Namespace) -> None:
    """Refuses to write over a file that the command reads.

    Raises:
        OptionError: where --out names one.
    """
    out = getattr(arguments, "out", None)
    for name in ("file", "claimed", "before", "worksheet", "answers", "source"):
        path = getattr(arguments, name, None)
        if out and path and _same_file(out, path):
            raise OptionError(f"--out {out} is a file that the command reads; give another name")


def _same_file(first: str, second: str) -> bool:
    try:
        return Path(first).is_file() and os.path.samefile(first, second)
    except (OSError, ValueError):
        return False


def terminal_width(out: str | None = None) -> int | None:
    """How wide the terminal is (or $COLUMNS says), where that is where the findings go; else None."""
    if out is not None or not Lossy(sys.stdout).isatty():
        return None
    return max(LEAST_WIDTH, shutil.get_terminal_size().columns)


def fitted_error(text: str) -> str:
    """A message for the standard error, its lines broken between words where that is a terminal too narrow for them."""
    if not Lossy(sys.stderr).isatty():
        return text
    width = max(LEAST_WIDTH, shutil.get_terminal_size().columns)
    return "\n".join(_broken(line, width) for line in text.split("\n"))


def fitted(text: str, command: str = "", style: str = "") -> str:
    """The text, its lines broken between words where the terminal is too narrow for them.

    Args:
        text: one line or several.
        command: what follows in the last line; it is never broken, so that it can be copied.
        style: the colour of what stands before the first colon, on a terminal (`base.colour`).
    """
    width = terminal_width()
    shown = coloured(command, "cyan", sys.stdout)
    if width is None:
        return f"{text} {command}" if command else text
    if command and len(f"{text} {command}") > width:
        return f"{fitted(text)}\n  {shown}"
    if command:
        return f"{text} {shown}"
    lines = "\n".join(_broken(line, width) for line in text.split("\n"))
    head, colon, rest = lines.partition(":")
    return f"{coloured(head + colon, style, sys.stdout)}{rest}" if style else lines


def _broken(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    lines = textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


def show(findings: Printable, form: str, out: str | None) -> None:
    """Delivers findings in a format; as text they fit the terminal, where the title is bold."""
    text = in_format(findings, form, terminal_width(out))
    title, rule, rest = str(text).partition("\n=")
    if form == "text" and out is None and rule and "\n\n" not in title:
        text = f"{coloured(title, 'bold', sys.stdout)}{rule}{rest}"
    deliver(text, out)


def deliver(text: str | bytes, out: str | None) -> None:
    """Prints the text, or writes it (or the bytes) to the file and says so.

    Raises:
        OptionError: where the file cannot be written.
    """
    if out is None:
        text = str(text)
        print(text, end="" if text.endswith("\n") else "\n")
        return
    path = Path(out)
    write_file(path, text)
    if descriptor(path) is None:
        print(f"written: {visible(str(path))}")


def write_file(path: Path, text: str | bytes) -> None:
    """Writes a whole file or leaves what was there; a link, a device or a pipe stays what it is.

    Args:
        path: the file.
        text: what it holds.

    Raises:
        OptionError: where the file cannot be written.
    """
    try:
        sys.stdout.flush()  # the file may be the same
        write_named(path, text)
    except (OSError, ValueError) as error:
        raise OptionError(f"{path} cannot be written: {reason(path, error)}") from None
