"""Gradients by PyTorch's names and orientations, of 16 bits, and code in files; operations of theirs in `tests/peers`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.base.errors import DataError, OptionError, ShapeError
from chalkgrad.base.half import as_half
from chalkgrad.cli.main import main
from chalkgrad.diagnosis.claims.file import read_claims_file
from chalkgrad.diagnosis.claims.torch_names import by_own_names

NET = cg.Network([cg.Dense(4), cg.Tanh(), cg.Dense(3)], input_shape=2, loss="SquaredError", dtype="float64")
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((5, 2)), RNG.standard_normal((5, 3))
RIGHT = NET.trace(X, Y)
THEIRS = {
    "layers.0.weight": RIGHT["dW1"].T,
    "layers.0.bias": RIGHT["db1"],
    "layers.2.weight": RIGHT["dW2"].T,
    "layers.2.bias": RIGHT["db2"],
}


def test_gradients_by_the_names_of_pytorch() -> None:
    diagnosis = cg.diagnose(NET, X, Y, THEIRS)
    assert diagnosis.correct
    assert [f.name for f in diagnosis.findings] == ["dW2", "db2", "dW1", "db1"]
    wrong = cg.diagnose(NET, X, Y, {**THEIRS, "layers.2.bias": RIGHT["db2"] / 5})
    assert [c.slips[0].output for c in wrong.causes] == ["db2"]


def test_a_function_may_use_them() -> None:
    def gradients(parameters: dict[str, np.ndarray], x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
        W1, b1, W2, b2 = (parameters[name] for name in ("W1", "b1", "W2", "b2"))
        a1 = np.tanh(x @ W1 + b1)
        dz2 = 2 * (a1 @ W2 + b2 - y) / len(x)
        dz1 = dz2 @ W2.T * (1 - a1**2)
        return {"0.weight": dz1.T @ x, "0.bias": dz1.sum(0), "2.weight": dz2.T @ a1, "2.bias": dz2.sum(0)}

    assert cg.diagnose(NET, X, Y, gradients).correct


def test_parts_of_a_tensor_are_the_gates() -> None:
    net = cg.Network([cg.LSTM(2), cg.Dense(1)], input_shape=(3, 2), loss="SquaredError", dtype="float64")
    whole = np.arange(16.0).reshape(8, 2)
    other = {"rnn.weight_ih_l0": whole, "rnn.bias_ih_l0": np.arange(8.0), "rnn.bias_hh_l0": np.zeros(8)}
    own = by_own_names({**other, "head.weight": np.ones((1, 2))}, net)
    np.testing.assert_array_equal(own["Wf1"], whole[2:4].T)
    np.testing.assert_array_equal(own["bo1"], [6, 7])
    np.testing.assert_array_equal(own["W2"], np.ones((2, 1)))


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(DataError, match=r"there are 1 modules of PyTorch's, layers\.0, but 2 layers"):
        cg.diagnose(NET, X, Y, {"layers.0.weight": RIGHT["dW1"].T})
    with pytest.raises(ShapeError, match="other way round"):
        cg.diagnose(NET, X, Y, {**THEIRS, "layers.0.weight": RIGHT["dW1"]})
    with pytest.raises(DataError, match=r"layers\.2\.bias_ih_l0 has no counterpart"):
        cg.diagnose(NET, X, Y, {**THEIRS, "layers.2.bias_ih_l0": RIGHT["db2"]})


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_sixteen_bits_are_right_and_large_mistakes_found(kind: str) -> None:
    def coarse(values: np.ndarray) -> np.ndarray:
        return as_half((values.astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32)) if (
            kind == "bfloat16"
        ) else values.astype(np.float16)  # fmt: skip

    claims = {name: coarse(RIGHT[name]) for name in ("dW1", "db1", "dW2", "db2")}
    assert cg.diagnose(NET, X, Y, claims).correct
    wrong = cg.diagnose(NET, X, Y, {**claims, "dW2": coarse(2 * RIGHT["dW2"])})
    assert not wrong.correct
    assert next(f for f in wrong.findings if f.verdict == "wrong").name == "dW2"


def test_claims_in_safetensors(tmp_path: Path) -> None:
    table, numbers, place = {}, b"", 0
    for name, array in THEIRS.items():
        part = np.ascontiguousarray(array).tobytes()
        table[name] = {"dtype": "F64", "shape": list(array.shape), "data_offsets": [place, place + len(part)]}
        numbers, place = numbers + part, place + len(part)
    head = json.dumps(table).encode()
    file = tmp_path / "gradients.safetensors"
    file.write_bytes(len(head).to_bytes(8, "little") + head + numbers)
    assert cg.diagnose(NET, X, Y, read_claims_file(file)).correct


def test_what_like_needs() -> None:
    with pytest.raises(OptionError, match="is no network"):
        cg.diagnose(np.tanh, X, Y)
    with pytest.raises(OptionError, match="give no claimed ones"):
        cg.diagnose(np.tanh, X, Y, THEIRS, like=NET)
    with pytest.raises(DataError, match="like= is for a"):
        cg.diagnose(np.tanh, X, like=cg.Tanh())
    with pytest.raises(OptionError, match="needs the samples and their targets"):
        cg.diagnose(np.tanh, X, like=NET)


CODE = '''
import numpy as np

def gradients(parameters, x, y):
    """Without the transpose of W2."""
    W1, b1, W2, b2 = (parameters[name] for name in ("W1", "b1", "W2", "b2"))
    a1 = 1 / (1 + np.exp(-(x @ W1 + b1)))
    y_hat = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
    dz2 = (y_hat - y) * y_hat * (1 - y_hat)
    dz1 = (dz2 @ W2) * a1 * (1 - a1)
    return {"W1": x.T @ dz1, "W2": a1.T @ dz2}

def broken(parameters, x, y):
    return parameters["W9"]
'''


def test_code_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "my_backward.py"
    file.write_text(CODE, "utf-8")
    assert main(["check", "web", "--code", f"{file}:gradients"]) == 1
    assert "the transpose of W2 is left out" in capsys.readouterr().out
    assert main(["check", "web", "--code", f"{file}:broken"]) == 2
    assert "my_backward.py, line 14: KeyError: 'W9'" in capsys.readouterr().err
    assert main(["check", "web", "--code", str(file)]) == 2
    assert "name one" in capsys.readouterr().err
    assert main(["check", "web", "--code", f"{file}:gradient"]) == 2
    assert "has no gradient" in capsys.readouterr().err
    assert main(["check", "web", "--code", str(tmp_path / "none.py")]) == 2
    assert "is no such file" in capsys.readouterr().err
    assert main(["check", "web", "--code", str(file), "--claimed", "a.toml"]) == 2
    assert "one of the two" in capsys.readouterr().err
