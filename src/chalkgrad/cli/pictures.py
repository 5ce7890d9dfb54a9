"""The pictures of a run: where one fails, the numbers are saved all the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..base.messages import complain
from ..base.text import visible
from ..runs import directory as run_directory

LONGEST = 300


def save_pictures(command: str, out: Path, pictures: Mapping[str, Callable[[], bytes | str | None]]) -> list[str]:
    """Draws pictures and writes them; a line on standard error says which of them could not be, and why.

    Args:
        command: the command's name, for that line.
        out: the directory.
        pictures: what draws each, by the file's name; it gives None where there is nothing to draw.

    Returns:
        The names of those that were written.
    """
    names: list[str] = []
    failed: dict[str, str] = {}
    for name, draw in pictures.items():
        try:
            content = draw()
            if content is not None:
                run_directory.write(out, name, content)
                names.append(name)
        except Exception as error:  # whatever a library, its settings, its fonts and its cache come up with
            first = (str(error).strip() or "it does not say why").splitlines()[0]
            failed[name] = visible(f"{type(error).__name__}: {first}")[:LONGEST]
    if failed:
        reason = next(iter(failed.values()))
        complain(f"chalkgrad {command}: not drawn: {', '.join(failed)} ({reason}); everything else is saved")
    return names
