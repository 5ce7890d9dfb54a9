"""Texts that a network writes, character by character."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..base.checks import number, whole
from ..base.checks import seed as check_seed
from ..base.errors import CheckpointError, OptionError
from ..data.vocabulary import END, Vocabulary
from ..describe.losses import CrossEntropy
from ..model.model import Array
from ..network import Network

HOTTEST = 100.0
MOST_CHARACTERS = 100_000
LENGTH = 300
"""How long a text is that has no end of its own, where nothing is said."""


def vocabulary_of(network: Network, table: Any, where: Path) -> Vocabulary:
    """The vocabulary that a run's file states, if the network is a model of its characters.

    Args:
        network: the run's network.
        table: what the file says, or None.
        where: the run, for messages.

    Raises:
        CheckpointError: where it is none, or another network's.
    """
    if table is None:
        raise CheckpointError(
            f"{where} is no model of characters, so it writes nothing; train one: chalkgrad train names --network lstm"
        )
    vocabulary = Vocabulary.from_table(table, str(where))
    size, shape = vocabulary.size, network.layout.sample_shape
    ids = network.layout.ids.get("x")
    if len(shape) != 1 or ids != size or network.output_shape != (*shape, size):
        raise CheckpointError(
            f"{where} has a vocabulary of {size} ids, but its network takes {ids or 'no'} ids and gives "
            f"{network.output_shape}"
        )
    return vocabulary


def check_model(network: Network, vocabulary: Vocabulary) -> None:
    """Raises OptionError where a network is no model of characters: what it says of the next one must depend on those
    before it, and on nothing that comes later.
    """
    ids = network.layout.ids.get("x")
    if ids != vocabulary.size:
        came = "values" if ids is None else f"{ids} ids"
        raise OptionError(
            f"the characters are {vocabulary.size} ids, but the network takes {came}; let it begin with an Embedding "
            f"of {vocabulary.size} ids"
        )
    x = np.zeros((2, *network.layout.sample_shape), dtype=np.int64)
    x[1, -1] = vocabulary.size - 1
    first, second = network.predict(x, engine="numpy")[:, :-1]
    if not np.array_equal(first, second):
        raise OptionError(
            "the network sees the characters that it is to predict: what it says of the first ones changes with the "
            "last one; let Attention be causal, and nothing run backwards"
        )


def generate(
    network: Network,
    vocabulary: Vocabulary,
    *,
    count: int = 1,
    length: int | None = None,
    seed: int = 0,
    temperature: float = 1.0,
    start: str = "",
    engine: str = "auto",
) -> list[str]:
    """Texts that a network writes: every character is drawn from what it gives for the next one.

    Args:
        network: a model of characters.
        vocabulary: theirs.
        count: how many texts; the k-th one is the same whatever their number.
        length: the most characters of each; None for as many as its network sees at once, or `LENGTH` where texts have
            no end of their own.
        seed: where the draws come from.
        temperature: the probabilities p are drawn as p^(1/temperature): below 1 the likely ones more often, at 0 the
            likeliest always, above 1 the unlikely ones more often.
        start: how each text begins.
        engine: as for `Network.predict`.

    Raises:
        OptionError: where a setting is invalid.
        DataError: where the start has a character that is not in the vocabulary.
    """
    whole("generate", "count", count)
    check_seed("generate", seed)
    number("generate", "temperature", temperature, 0.0, HOTTEST)
    steps = network.layout.sample_shape[0]
    if length is None:
        length = max(steps, len(start)) if vocabulary.ends else max(LENGTH, len(start))
    whole("generate", "length", length)
    if count * length > MOST_CHARACTERS:
        raise OptionError(f"generate: {count:,} texts of {length:,} characters are more than {MOST_CHARACTERS:,}")
    begun = (
        [END, *vocabulary.encode(start)] if vocabulary.ends else list(vocabulary.encode(start or _first(vocabulary)))
    )
    rows = np.tile(np.array(begun, dtype=np.int64), (count, 1))
    shown = vocabulary.ends or not start  # a first character that nobody asked for
    draws = [np.random.default_rng([seed, k]) for k in range(count)]
    going = np.ones(count, dtype=bool)
    while rows.shape[1] - shown < length and going.any():
        following = np.full(count, END)
        chances = _chances(network, rows[going], steps, temperature, engine)
        for k, share in zip(np.flatnonzero(going), chances, strict=True):
            following[k] = min(int(np.searchsorted(share.cumsum(), draws[k].random())), len(share) - 1)
        rows = np.concatenate([rows, following[:, None]], axis=1)
        if vocabulary.ends:
            going &= following != END
    return [vocabulary.decode(row[int(shown) :]) for row in rows]


def _first(vocabulary: Vocabulary) -> str:
    """A character to go on from: of those that stand before a beginning the first that there is."""
    return next((c for c in "\n " if c in vocabulary.characters), vocabulary.characters[0])


def _chances(network: Network, rows: Array, steps: int, temperature: float, engine: str) -> Array:
    """The probabilities (count, ids) of what follows rows (count, length)."""
    seen = rows[:, -steps:]
    x = np.zeros((len(rows), steps), dtype=np.int64)
    x[:, : seen.shape[1]] = seen
    scores = network.predict(x, engine=engine)[:, seen.shape[1] - 1].astype(np.float64)
    loss = network.loss_function
    if not (isinstance(loss, CrossEntropy) and loss.from_logits):
        with np.errstate(divide="ignore"):
            scores = np.log(scores)
    if temperature == 0:
        return (scores == scores.max(axis=1, keepdims=True)).cumsum(axis=1).cumsum(axis=1) == 1
    exponentials = np.exp((scores - scores.max(axis=1, keepdims=True)) / temperature)
    return exponentials / exponentials.sum(axis=1, keepdims=True)
