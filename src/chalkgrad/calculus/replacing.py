"""A right side with the letters of another left side."""

from __future__ import annotations

from ..formula.nodes import Node, Symbol
from ..formula.rewrite import at, renamed_letters
from .terms import names_in, new_letter


def lettered(node: Node, own: tuple[Node, ...], place: tuple[Node, ...]) -> Node:
    """A line's right side at other indices than those on its left.

    Args:
        node: the right side.
        own: the indices on its left.
        place: the other ones.
    """
    if own == place or len(own) != len(place) or not all(isinstance(p, Symbol) for p in own):
        return node
    pairs = {a.name: b for a, b in zip(own, place, strict=True) if isinstance(a, Symbol)}
    taken = names_in(node) | set(pairs) | {i for b in place for i in names_in(b)}
    apart: dict[str, str] = {}
    for letter in sorted({i for b in place for i in names_in(b)} - set(pairs)):
        if letter in names_in(node):  # it stands for something else there
            apart[letter] = new_letter(taken)
            taken.add(apart[letter])
    names = {a: b.name for a, b in pairs.items() if isinstance(b, Symbol)}
    if len(names) == len(pairs):
        return renamed_letters(node, {**names, **apart})
    return at(renamed_letters(node, apart), pairs)
