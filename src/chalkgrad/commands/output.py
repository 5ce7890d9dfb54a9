"""Where a command's findings go: the terminal or a file, in the format that was asked for."""

from __future__ import annotations

from pathlib import Path

from ..errors import OptionError
from ..explain.derivation import Derivation
from ..files import replace_file
from ..render.board import Board

ENDINGS = {
    ".txt": "text",
    ".md": "markdown",
    ".tex": "latex",
    ".html": "html",
    ".htm": "html",
    ".json": "json",
}


def chosen_format(given: str | None, out: str | None, plain: tuple[str, ...] = ("",)) -> str:
    """The format that was asked for, or the one that the file's name ends in; text without a file.

    Args:
        given: the format that was asked for.
        out: the file.
        plain: endings that mean text too.

    Raises:
        OptionError: where the file's name ends in something else.
    """
    if given is not None or out is None:
        return given or "text"
    ending = Path(out).suffix.lower()
    if ending not in ENDINGS and ending not in plain:
        raise OptionError(f"{out} ends in {ending}; known: {', '.join(ENDINGS)}; or say --format")
    return ENDINGS.get(ending, "text")


def printed(findings: Board | Derivation, form: str) -> str:
    """A board or a derivation in one of the formats."""
    match form:
        case "markdown":
            return findings.to_markdown()
        case "latex":
            return findings.to_latex()
        case "html":
            return findings.to_html()
        case "json":
            return findings.to_json() + "\n"
        case _:
            return findings.to_text()


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
    try:
        replace_file(path, text)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise OptionError(f"{path} cannot be written: {reason}") from None
    print(f"written: {path}")
