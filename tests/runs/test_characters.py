"""Texts that a network writes: drawn from what it gives, with its own begin and end, from what it sees at once."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad import DataError, OptionError
from chalkgrad.base.errors import CheckpointError
from chalkgrad.data.vocabulary import Vocabulary
from chalkgrad.runs.characters import check_model, generate, vocabulary_of

ABC = Vocabulary("abc")
NAMES = Vocabulary("abc", ends=True)


def pairs(chances: np.ndarray, steps: int = 4, *, from_logits: bool = False) -> cg.Network:
    """A network that gives the next character's chances (ids, ids) by the last one alone."""
    ids = len(chances)
    layers = [cg.Embedding(ids, ids), cg.Dense(ids), *([] if from_logits else [cg.Softmax()])]
    net = cg.Network(layers, input_shape=steps, loss=cg.CrossEntropy(from_logits=from_logits), dtype="float64")
    with np.errstate(divide="ignore"):
        logits = np.maximum(np.log(chances), -60)
    net.set_parameters({"W1": logits, "W2": np.eye(ids), "b2": np.zeros(ids)})
    return net


CIRCLE = np.array([[0.1, 0.9, 0], [0, 0.2, 0.8], [0.7, 0, 0.3]])


@pytest.mark.parametrize("from_logits", [False, True])
def test_the_likeliest_at_temperature_0(from_logits: bool) -> None:
    net = pairs(CIRCLE, from_logits=from_logits)
    assert generate(net, ABC, temperature=0, length=9, start="b") == ["bcabcabca"]
    assert generate(net, ABC, temperature=0, length=4) == ["bcab"], "after the first that there is"


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_how_often_each_is_drawn(temperature: float) -> None:
    text = generate(pairs(CIRCLE), ABC, temperature=temperature, length=4000, seed=1)[0]
    sharpened = CIRCLE ** (1 / temperature)
    sharpened /= sharpened.sum(axis=1, keepdims=True)
    counts = Counter(pairwise(text))
    for i, a in enumerate("abc"):
        total = sum(counts[a, b] for b in "abc")
        for j, b in enumerate("abc"):
            p = sharpened[i, j]
            assert abs(counts[a, b] - p * total) <= 4 * np.sqrt(p * (1 - p) * total) + 1e-9, (a, b)


def test_the_same_seed_gives_the_same_texts_however_many() -> None:
    net = pairs(CIRCLE)
    texts = generate(net, ABC, count=5, length=30, seed=3)
    assert generate(net, ABC, count=2, length=30, seed=3) == texts[:2]
    assert len(set(texts)) == 5
    assert set(generate(net, ABC, count=5, length=30, seed=4)).isdisjoint(texts)


def test_names_end() -> None:
    """After "begin" always a, then b, and then the end or c for ever."""
    chances = np.array([[0, 1, 0, 0], [0, 0, 1, 0], [0.5, 0, 0, 0.5], [0, 0, 0, 1.0]])
    texts = generate(pairs(chances, steps=6), NAMES, count=200)
    assert set(texts) == {"ab", "abcccc"}, "as long as it sees at once"
    assert 60 < texts.count("ab") < 140
    assert set(generate(pairs(chances, steps=6), NAMES, count=9, length=3, start="c")) == {"ccc"}
    assert generate(pairs(chances, steps=6), NAMES, length=1, count=3) == ["a", "a", "a"]
    assert generate(pairs(chances, steps=2), NAMES, start="ababab") == ["ababab"]


def test_every_character_follows_from_the_window_before_it() -> None:
    net = cg.Network(
        [cg.Embedding(3, 4), cg.RNN(8, sequences=True), cg.Dense(3), cg.Softmax()],
        input_shape=5,
        loss=cg.CrossEntropy(),
    )
    net.set_parameters({name: 3 * p for name, p in net.parameters.items()})
    text = generate(net, ABC, temperature=0, length=30, start="ab", engine="numpy")[0]
    assert len(set(text)) > 1
    for end in range(2, 30):
        seen = ABC.encode(text[max(0, end - 5) : end])
        x = np.zeros((1, 5), dtype=int)
        x[0, : len(seen)] = seen
        assert ABC.encode(text[end])[0] == net.predict(x, engine="numpy")[0, len(seen) - 1].argmax()


def test_settings_that_mean_nothing() -> None:
    net = pairs(CIRCLE)
    for settings, message in (
        ({"count": 0}, "count"),
        ({"length": 0}, "length"),
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"seed": -1}, "seed"),
        ({"count": 10**6}, "more than 100,000"),
    ):
        with pytest.raises(OptionError, match=message):
            generate(net, ABC, **settings)
    with pytest.raises(DataError, match="'x', is none of the 3"):
        generate(net, ABC, start="x")


def network(*layers: cg.Layer, ids: int = 3) -> cg.Network:
    return cg.Network([*layers, cg.Dense(ids), cg.Softmax()], input_shape=5, loss=cg.CrossEntropy())


def test_what_is_a_model_of_characters() -> None:
    check_model(network(cg.Embedding(3, 4), cg.RNN(8, sequences=True)), ABC)
    with pytest.raises(OptionError, match="sees the characters that it is to predict"):
        check_model(network(cg.Embedding(3, 4), cg.RNN(8, sequences=True, reverse=True)), ABC)
    with pytest.raises(OptionError, match="takes 4 ids; let it begin with an Embedding of 3 ids"):
        check_model(network(cg.Embedding(4, 4), cg.RNN(8, sequences=True)), ABC)
    with pytest.raises(OptionError, match="takes values"):
        check_model(cg.Network([cg.Dense(3), cg.Softmax()], input_shape=(5, 3), loss=cg.CrossEntropy()), ABC)


def test_the_vocabulary_of_a_run() -> None:
    net, where = network(cg.Embedding(3, 4), cg.RNN(8, sequences=True)), Path("runs/r")
    assert vocabulary_of(net, ABC.to_table(), where) == ABC
    with pytest.raises(CheckpointError, match="is no model of characters"):
        vocabulary_of(net, None, where)
    with pytest.raises(CheckpointError, match="a vocabulary of 4 ids, but its network takes 3 ids"):
        vocabulary_of(net, NAMES.to_table(), where)
    with pytest.raises(CheckpointError, match="no list of characters"):
        vocabulary_of(net, {"characters": [1]}, where)
