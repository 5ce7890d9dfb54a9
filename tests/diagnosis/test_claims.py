"""Claims in every form: numbers, lists, arrays of other libraries, text, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main

X1, Y1 = [[0.1234567, 100.0]], [[0.0, 0.0]]


def net() -> cg.Network:
    made = cg.Network([cg.Dense(2)], input_shape=2, loss="SquaredError", dtype="float64")
    made.set_parameters(W1=[[1.0, 2.0], [3.0, 4.0]], b1=[0.0, 0.0])
    return made


def correct(x: Any, y: Any, claims: Any, **more: Any) -> bool:
    return cg.diagnose(net(), x, y, claims, **more).correct


def test_numbers_of_float32_in_lists_and_other_arrays() -> None:
    right = net().trace(X1, Y1)["dW1"]

    class Other:
        """An array of another library."""

        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return right.astype(np.float32)

    assert correct(X1, Y1, {"dW1": right.astype(np.float32).tolist()})
    assert correct(X1, Y1, {"dW1": Other()})
    assert not correct(X1, Y1, {"dW1": (1.001 * right).astype(np.float32).tolist()})


def test_floats_rounded_to_significant_digits() -> None:
    assert correct(X1, Y1, {"dW1": [[74.105, 98.826], [60025.0, 80049.0]]})
    assert not correct(X1, Y1, {"dW1": [[74.205, 98.826], [60025.0, 80049.0]]})


def test_zeros_that_are_nothing_beside_the_others() -> None:
    x, y = [[0.5, 0.5]], [[2.00000000001, 2.0]]
    assert correct(x, y, {"dW1": np.round(net().trace(x, y)["dW1"], 4)})
    assert not correct([[0.004, 10.0]], Y1, {"dW1": [[1.0, 1.0], [601.0, 801.0]]})


def test_text_is_compared_at_its_own_digits() -> None:
    x, y = [[0.5, 0.5]], [[1.800001, 2.0]]
    for text in ("0.2", "2e-1", "0.20", "0.200", "0.199999"):
        assert correct(x, y, {"dW1[0, 0]": text}), text
    assert not correct(x, y, {"dW1[0, 0]": "0.3"})
    assert not correct(x, y, {"dW1[0, 0]": "0e999"})
    right = net().trace(X1, Y1)["dW1"]
    mixed = [[repr(float(right[0, 0])), f"{right[0, 1]:.4f}"], [f"{right[1, 0]:.4f}", f"{right[1, 1]:.4f}"]]
    assert correct(X1, Y1, {"dW1": mixed})


def test_whole_numbers_that_are_off_by_one_are_wrong() -> None:
    neuron, web = cg.load_example("neuron"), cg.load_example("web")
    for claims in ({"L": 37}, {"dW1": [[11], [-23], [35]]}, {"dW1": np.array([[13.0], [-25.0], [37.0]])}):
        assert not cg.diagnose(neuron.network, neuron.x, neuron.y, claims).correct
    assert cg.diagnose(neuron.network, neuron.x, neuron.y, {"L": 36, "dW1": [[12], [-24], [36]]}).correct
    assert not cg.diagnose(web.network, web.x, web.y, {"L": "0.31"}).correct
    assert not cg.diagnose(web.network, web.x, web.y, {"dW1": [[0, 0], [0, 0]]}).correct


def test_odd_claims_are_data_errors() -> None:
    around: list[Any] = []
    around.append(around)
    for claims in ({"dW1": around}, {"L_next": None}, {"L_next": None, "L": 1.0}, {"dW1": np.ones((2, 2), dtype=bool)}):
        with pytest.raises(cg.DataError):
            cg.diagnose(net(), X1, Y1, claims)
    with pytest.raises(cg.DataError, match="labels"):
        correct(X1, Y1, {"L": 1.0}, labels=3)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("a.csv", "L," + "1" * 200_000, "no CSV file"), ("a.json", '{"L": 1, "L": 2}', "there twice")],
)
def test_odd_files_are_refused(
    name: str, content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(content)
    assert main(["check", "web", "--claimed", str(tmp_path / name)]) == 2
    assert message in capsys.readouterr().err
