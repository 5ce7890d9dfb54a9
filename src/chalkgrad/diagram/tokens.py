"""The names of a sequence's steps on an axis: the texts of their ids, or their numbers."""

from __future__ import annotations

from collections.abc import Sequence

from ..base.errors import OptionError
from ..base.text import visible
from ..explain.values import Values
from ..model.model import Model
from .svg import text_width

SIGNS = {" ": "\u2423", "\n": "\u21b5", "\t": "\u21e5"}
"""What stands for a character that shows nothing."""
SIZE = 11.0


def check_tokens(network: Model, tokens: Sequence[str] | None) -> None:
    """Raises OptionError where there is no text for each of the network's ids."""
    if tokens is None:
        return
    ids = network.layout.ids
    if not ids:
        raise OptionError("diagram: tokens are the texts of ids, but the network's input is no ids; leave them out")
    most = max(ids.values())
    if isinstance(tokens, bytes) or not all(isinstance(text, str) for text in tokens):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise OptionError("diagram: tokens are texts, one for each id: a string of characters, or a list of strings")
    if len(tokens) < most:
        raise OptionError(f"diagram: {len(tokens)} tokens were given, but there are {most} ids, 0 to {most - 1}")


def names_of_steps(
    network: Model, source: int | str, count: int, values: Values | None, sample: int, tokens: Sequence[str] | None
) -> list[str] | None:
    """The texts of the ids that the steps of a value were made of; None where they are unknown.

    Args:
        network: the network.
        source: the place of the line whose value it is, or the name of the input.
        count: how many steps it has.
        values: the values of a pass.
        sample: which of the samples.
        tokens: the text of each id.
    """
    while not isinstance(source, str):
        source = network.layout.lines[source].sources[0]
    if tokens is None or values is None or source not in network.layout.ids:
        return None
    ids = values[source][sample]
    return [sign(tokens[int(i)]) for i in ids] if len(ids) == count else None


def sign(token: str) -> str:
    """A token as it is shown: a sign for a space and a line end."""
    return "".join(SIGNS.get(character, visible(character)) for character in token) or "\u2205"


def fitting(texts: Sequence[str], room: float) -> list[str]:
    """Texts cut to what fits into the room; at least a character of each stays."""
    pieces: list[str] = []
    for text in texts:
        while len(text) > 1 and text_width(text, SIZE) > room:
            text = text[:-1]
        pieces.append(text)
    return pieces


def spaced(count: int, room: float) -> list[str]:
    """The numbers of the steps, those left out for which there is no room: every one, every second, every fifth, ..."""
    widest = text_width(str(count - 1), SIZE)
    every = next(e for k in range(9) for e in (10**k, 2 * 10**k, 5 * 10**k) if widest <= e * room - 2)
    return [str(step) if step % every == 0 else "" for step in range(count)]
