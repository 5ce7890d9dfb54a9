"""Names of values (`hidden.W`) as names in a script (`hidden_W`)."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Collection, Iterable
from functools import cache

from ..rules import RULES, Rule
from .inline import functions_used, unused

SCRIPT = frozenset(
    {"np", "base64", "math", "torch", "nn", "functional", "Path", "cache", "step", "steps", "rng", "weights", "data"}
    | {"example", "labels", "loss", "model", "optimizer", "Network", "self"}
)
"""A script's own names."""


def reserved() -> frozenset[str]:
    """The names that nothing in a script may have: Python's, and the script's own."""
    return frozenset({*keyword.kwlist, *dir(builtins), *SCRIPT})


def helpers(rules: Iterable[Rule] = ()) -> frozenset[str]:
    """The names of rules and of the functions that they use, which may stand at a script's head.

    Args:
        rules: those of the script; others than chalkgrad's own are looked through.
    """
    functions = {name for rule in set(rules) - set(RULES) for name in (rule.name, *functions_used(rule.function))}
    return _names_beside_rules() | functions


@cache
def _names_beside_rules() -> frozenset[str]:
    """The names in the modules of chalkgrad's own rules."""
    return frozenset(name for rule in RULES for name in rule.function.__globals__)


def identifiers(names: Iterable[str], taken: Collection[str]) -> dict[str, str]:
    """Each value's name in a script: dots as underscores, and a number after it where that is taken."""
    words: dict[str, str] = {}
    names_used = set(taken)
    for name in names:
        if name not in words:
            words[name] = unused(name.replace(".", "_"), names_used)
            names_used.add(words[name])
    return words
