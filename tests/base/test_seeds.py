"""Seeds: one bound for all, one message, and what a seed draws is drawn again after loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main
from chalkgrad.data.splits import split_indices
from chalkgrad.data.toy import spiral, spiral_data, vertical_data

LARGEST = 2**63 - 1
X = np.random.default_rng(0).standard_normal((20, 2))


def network(seed: Any = 0) -> cg.Network:
    return cg.Network([cg.Dense(2), cg.Dropout(0.5), cg.Dense(1)], input_shape=2, loss="SquaredError", seed=seed)


@pytest.mark.parametrize("seed", [2**63, 2**64, 10**5000, -1, True, 1.0, "3", None, np.uint64(2**63)], ids=range(9))
@pytest.mark.parametrize("taker", ["Network", "fit", "split_indices", "spiral_data", "vertical_data", "worksheet"])
def test_what_is_no_seed_is_refused_everywhere_with_the_same_words(taker: str, seed: Any) -> None:
    from chalkgrad.examples.example import load_example
    from chalkgrad.worksheet import make_worksheet

    if seed is None and taker in ("fit", "worksheet"):
        return  # there it means that none was given
    takers = {
        "Network": lambda: network(seed),
        "fit": lambda: network().fit(X, X[:, 0], seed=seed),
        "split_indices": lambda: split_indices(20, 0.5, seed),
        "spiral_data": lambda: spiral_data(seed=seed),
        "vertical_data": lambda: vertical_data(seed=seed),
        "worksheet": lambda: make_worksheet(load_example("neuron"), seed=seed),
    }
    with pytest.raises(cg.OptionError, match=rf"^{taker}: seed must be a whole number from 0 to 2\*\*63 - 1; it is "):
        takers[taker]()


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_the_largest_seed_is_saved_loaded_and_drawn_from(tmp_path: Path, engine: str) -> None:
    from chalkgrad.engines.c.compiler import available

    if engine == "compiled" and not available():
        pytest.skip("there is no C compiler")
    net = network(LARGEST)
    net.save(tmp_path)
    again = cg.load(tmp_path)
    assert again.seed == LARGEST
    for each in (net, again):
        each.fit(X, X[:, 0], epochs=2, engine=engine, seed=LARGEST, validation=0.2)
    assert np.array_equal(net.flat, again.flat)
    assert len(spiral(LARGEST).x_test) == 300


@pytest.mark.parametrize("seed", [str(2**63), "-1", "1.5", "one"])
@pytest.mark.parametrize("command", ["train", "worksheet"])
def test_the_command_line_has_the_same_bound(command: str, seed: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, f"--seed={seed}"])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"a seed is a whole number from 0 to 2**63 - 1, not {seed!r}" in said
