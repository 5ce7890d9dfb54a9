"""Every figure of the documents comes out: correctly, or by the mistake that is named."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from replayed import TORCH, short

from chalkgrad.base.errors import UnknownNameError
from chalkgrad.examples.example import examples, load_example
from chalkgrad.replay import REPLAYS, replay

OF_TORCH = 2 if TORCH else 0
# figures, the same, explained by a mistake, not reproducible, ours; without the long trainings
COUNTS = {
    "000": (133 + OF_TORCH, 37, 92, 3, 1 + OF_TORCH),
    "001": (29, 24, 4, 0, 1),
    "002": (18, 14, 4, 0, 0),
    "003": (68, 26, 37, 0, 5),
    "web": (29, 25, 4, 0, 0),
    "residual": (20, 18, 2, 0, 0),
    "shared": (16, 15, 1, 0, 0),
    "rnn": (26, 19, 7, 0, 0),
    "lstm": (46, 38, 8, 0, 0),
    "gru": (36, 32, 4, 0, 0),
    "attention": (30, 25, 5, 0, 0),
    "transformer-block": (48, 43, 5, 0, 0),
    "backprop-by-hand": (33, 30, 3, 0, 0),
}
SEQUENCES = {"rnn", "lstm", "gru", "attention", "transformer-block", "backprop-by-hand"}


@pytest.mark.parametrize("name", REPLAYS)
def test_every_figure_is_the_same_or_explained(name: str) -> None:
    found = short(name)
    assert (found.figures, found.same, found.explained, found.lost, found.ours) == COUNTS[name]
    assert found.unexplained == 0
    for figure in found:
        if not figure.lost and not figure.ours:
            assert figure.reproduced, f"{figure.name}: {figure.printed}, {figure.correct}, {figure.mistaken}"


@pytest.mark.parametrize("name", REPLAYS)
def test_other_values_would_be_caught(name: str) -> None:
    for figure in short(name):
        if figure.printed is None or figure.lost:
            continue
        correct = None if figure.correct is None else np.asarray(figure.correct) * 1.1 + 0.1
        assert not dataclasses.replace(figure, correct=correct).agrees, figure.name
        if figure.explained:
            mistaken = None if figure.mistaken is None else np.asarray(figure.mistaken) * 1.1 + 0.1
            assert not dataclasses.replace(figure, mistaken=mistaken).reproduced, figure.name
            assert not dataclasses.replace(figure, mistake="").reproduced, figure.name


@pytest.mark.parametrize("name", REPLAYS)
def test_words_are_sentences_without_a_full_stop(name: str) -> None:
    found = short(name)
    assert found.document == name
    assert found.text.endswith(".")
    for figure in found:
        for words in (figure.mistake, figure.note, figure.lost):
            assert not words.endswith(".")
            assert "\n" not in words
        assert not (figure.explained and not figure.mistake)


def test_unseeded_figures_are_those_of_pytorch() -> None:
    lost = [f for f in short("000") if f.lost]
    assert [f.printed for f in lost] == [("235742",), ("9.999879694078118e-05",), ("0.0101", "0.9901")]
    assert all("unseeded" in f.verdict for f in lost)


def test_the_short_replay_says_what_it_leaves_out() -> None:
    assert "left out" in short("000").text
    assert not any(f.printed == ("364024",) for f in short("000"))


def test_nothing_of_ours_is_far_from_what_it_should_be() -> None:
    for name in REPLAYS:
        for figure in short(name):
            if figure.ours and "difference" in figure.name:
                assert figure.correct is not None
                assert abs(figure.correct) < 1e-9, figure.name


def test_unknown_examples() -> None:
    with pytest.raises(UnknownNameError, match="did you mean '002'"):
        replay("02")
    with pytest.raises(UnknownNameError, match="did you mean 'neuron'"):
        load_example("neurons")


def test_the_worked_examples() -> None:
    known = {"cnn", "layer", "neuron", "perceptron", "residual", "shared", "two_layers", "web"}
    assert set(examples()) == known | SEQUENCES
    for name in examples():
        example = load_example(name)
        assert example.title
        assert example.text
        assert example.labels or name in SEQUENCES
        assert example.network.check_gradients(example.x, example.y)


def test_the_weights_of_the_cnn_are_numpys_first_from_seed_0() -> None:
    drawn = np.random.RandomState(0).randn(16)
    p = load_example("cnn").network.parameters
    np.testing.assert_array_equal(p["W1"].ravel(), drawn[:4])
    np.testing.assert_array_equal(p["W2"].T.ravel(), drawn[4:12])
    np.testing.assert_array_equal(p["W3"].T.ravel(), drawn[12:])
