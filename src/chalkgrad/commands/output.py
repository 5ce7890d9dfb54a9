"""Where a command's findings go: the terminal or a file, in the format that was asked for."""

from __future__ import annotations

from pathlib import Path

from ..errors import OptionError
from ..files import replace_file

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
    print(f"written: {path}")


def write_file(path: Path, text: str | bytes, *, folders: bool = False) -> None:
    """Writes a whole file or leaves what was there.

    Args:
        path: the file.
        text: what it holds.
        folders: whether the folders that it lies in are made.

    Raises:
        OptionError: where the file cannot be written.
    """
    try:
        if folders:
            path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise OptionError(f"{path} cannot be written: {reason}") from None
