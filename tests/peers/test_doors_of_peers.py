"""Operations of PyTorch and of JAX beside what they should be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.base.errors import DataError, ShapeError

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((6, 5)), RNG.integers(0, 3, 6)
NET = cg.Network([cg.Dense(4), cg.Sigmoid(), cg.Dense(3), cg.Softmax()], input_shape=5, loss="CrossEntropy")
SCALED = cg.rule("y[n,k] = x[n,k] * s[k] / (eps + abs(x[n,k]))", name="scaled")


def told(diagnosis: cg.Diagnosis) -> list[tuple[str, str]]:
    return [(s.output, s.text) for c in diagnosis.causes for s in c.slips]


def wrong_sigmoid(torch: Any) -> Any:
    class Sigmoid(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, z: Any) -> Any:
            ctx.save_for_backward(z)
            return torch.sigmoid(z)

        @staticmethod
        def backward(ctx: Any, came: Any) -> Any:
            (z,) = ctx.saved_tensors
            return came * z * (1 - z)

    return Sigmoid


def test_a_function_of_autograd_beside_a_layer() -> None:
    torch = pytest.importorskip("torch")
    said = [("dx", "x (1 - x) is taken instead of y_hat (1 - y_hat)")]
    assert told(cg.diagnose(wrong_sigmoid(torch), torch.tensor(X), like=cg.Sigmoid())) == said
    assert told(cg.diagnose(wrong_sigmoid(torch), X, like=cg.Sigmoid)) == said
    assert cg.diagnose(torch.sigmoid, torch.tensor(X), like=cg.Sigmoid()).correct


def test_parameters_follow_the_input() -> None:
    torch = pytest.importorskip("torch")

    def normalised(x: Any, gamma: Any, beta: Any) -> Any:
        return torch.nn.functional.layer_norm(x, (5,), gamma, beta)

    inputs = (X, RNG.standard_normal(5), RNG.standard_normal(5))
    tensors = tuple(map(torch.tensor, inputs))
    diagnosis = cg.diagnose(normalised, tensors, like=cg.LayerNorm(eps=1e-5))
    assert diagnosis.correct
    assert {f.name for f in diagnosis.findings} == {"y_hat", "dx", "dgamma1", "dbeta1"}
    with pytest.raises(DataError, match="takes 2 inputs, but LayerNorm its input and the parameters gamma1, beta1"):
        cg.diagnose(normalised, tensors[:2], like=cg.LayerNorm())


def test_a_function_beside_a_rule() -> None:
    torch = pytest.importorskip("torch")

    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, s: Any) -> Any:
            ctx.save_for_backward(x, s)
            return x * s / (0.1 + x.abs())

        @staticmethod
        def backward(ctx: Any, came: Any) -> Any:
            x, s = ctx.saved_tensors
            return came * s * 0.1 / (0.1 + x.abs()) ** 2, (x / (0.1 + x.abs())).sum(0)

    inputs = (torch.tensor(X), torch.tensor(RNG.standard_normal(5)))
    verdicts = {f.name: f.verdict for f in cg.diagnose(Scaled, inputs, like=SCALED, eps=0.1).findings}
    assert verdicts == {"y_hat": "right", "dx": "right", "ds1": "wrong"}
    assert cg.diagnose(lambda x, s: x * s / (0.1 + x.abs()), inputs, like=SCALED, eps=0.1).correct
    with pytest.raises(DataError, match="the rule has the settings"):
        cg.diagnose(Scaled, inputs, like=SCALED)


@pytest.mark.parametrize("kind", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("ending", [False, True])
def test_a_module_beside_a_network(kind: str, ending: bool) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    nn = torch.nn
    layers = [nn.Linear(5, 4), nn.Sigmoid(), nn.Linear(4, 3)]
    module = nn.Sequential(*layers, *([nn.Softmax(1)] if ending else [])).to(getattr(torch, kind))
    diagnosis = cg.diagnose(module, (X, Y), like=NET)
    assert diagnosis.correct
    assert {f.name for f in diagnosis.findings} > {"dW1", "db1", "dW2", "db2", "dx"}


def test_a_wrong_backward_pass_inside_a_module() -> None:
    torch = pytest.importorskip("torch")
    function = wrong_sigmoid(torch)

    class Wrong(torch.nn.Module):
        def forward(self, z: Any) -> Any:
            return function.apply(z)

    module = torch.nn.Sequential(torch.nn.Linear(5, 4), Wrong(), torch.nn.Linear(4, 3)).double()
    assert told(cg.diagnose(module, (X, Y), like=NET)) == [("dz1", "z1 (1 - z1) is taken instead of a1 (1 - a1)")]


def test_what_their_code_raises_is_said() -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Linear(3, 3))
    with pytest.raises(ShapeError, match="does not give W2"):
        cg.diagnose(module, (X, Y), like=NET)
    with pytest.raises(DataError, match="failed: RuntimeError"):
        cg.diagnose(
            torch.nn.Sequential(module[0], torch.nn.Unflatten(1, (3, 3)), torch.nn.Linear(4, 3)), (X, Y), like=NET
        )


def test_a_function_of_jax() -> None:
    jax = pytest.importorskip("jax")

    @jax.custom_vjp
    def sigmoid(z: Any) -> Any:
        return jax.nn.sigmoid(z)

    def back(z: Any, came: Any) -> Any:
        return (came * z * (1 - z),)

    sigmoid.defvjp(lambda z: (sigmoid(z), z), back)
    assert told(cg.diagnose(sigmoid, X, like=cg.Sigmoid())) == [
        ("dx", "x (1 - x) is taken instead of y_hat (1 - y_hat)")
    ]
    assert cg.diagnose(jax.jit(jax.nn.sigmoid), X, like=cg.Sigmoid()).correct
