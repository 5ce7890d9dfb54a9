"""PyTorch scripts print the network's losses, up to rounding."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.base.errors import OptionError
from chalkgrad.describe.layers import Layer
from chalkgrad.rules import dense
from chalkgrad.write.given import weights_needed
from chalkgrad.write.torch_module import torch_script
from networks import X, Y, example
from write.written import KINDS, MASKED, Written, run, samples, unused_names, written

torch = pytest.importorskip("torch")


def script_of(made: Written, steps: int = 5) -> str:
    return torch_script(made.network, made.x, made.y, optimizer=made.optimizer, steps=steps)


def test_losses_over_five_steps_are_the_networks(tmp_path: Path) -> None:
    every = {name: make() for name, make in KINDS.items()}
    for made in every.values():
        made.steps = 5
    for name in [n for n, made in every.items() if weights_needed(made.network) is not None]:
        raise AssertionError(f"{name} needs a file")
    found = run({name: script_of(made) for name, made in every.items()}, tmp_path)
    for name, losses in found.items():
        expected = every[name].losses()
        if not every[name].network.parameters:
            expected = expected[-1:]
        np.testing.assert_allclose(losses, expected, rtol=1e-12, err_msg=name)


def test_dropout_is_said_to_differ_and_prediction_is_the_same(tmp_path: Path) -> None:
    every = {name: MASKED[name]() for name in ("dropout", "dropout of images")}
    scripts = {name: script_of(made, steps=0) for name, made in every.items()}
    assert all("Dropout draws other masks" in text for text in scripts.values())
    scripts["trained"] = script_of(every["dropout"])
    losses = run(scripts, tmp_path)
    assert len(losses["trained"]) == 6
    for name, made in every.items():
        np.testing.assert_allclose(losses[name], [made.network.loss(made.x, made.y)], rtol=1e-12)


def test_float32_and_weights_from_a_file(tmp_path: Path) -> None:
    made = written([cg.Dense(30), cg.ReLU(), cg.Dense(3), cg.Softmax()], 20, "CrossEntropy", "float32")
    made.network.fit(made.x, made.y, epochs=1)
    made.steps = 5
    assert weights_needed(made.network) is not None
    text = made.network.source("torch", made.x, made.y, optimizer=made.optimizer, steps=5, out=tmp_path / "script_0.py")
    assert (tmp_path / "script_0_weights.npz").exists()
    for losses in run({"with a file": text, "alone": script_of(made)}, tmp_path).values():
        np.testing.assert_allclose(losses, made.losses(), rtol=1e-5)


def test_an_example_is_drawn_where_no_samples_are_given(tmp_path: Path) -> None:
    scripts = {}
    for name, make in KINDS.items():
        scripts[name] = torch_script(make().network, steps=1)
    assert all(np.isfinite(losses).all() for losses in run(scripts, tmp_path).values())


def test_scripts_read_well() -> None:
    for name, make in {**KINDS, **MASKED}.items():
        text = script_of(make())
        ast.parse(text)
        assert not unused_names(text), name
        assert all(len(line) <= 100 and line == line.rstrip() for line in text.splitlines()), name
        assert "\n\n\n\n" not in text, name
    text = torch_script(example(), X, Y, optimizer=cg.SGD(0.5))
    for line in [
        "self.linear1 = nn.Linear(2, 2)",
        "x = self.sigmoid1(x)",
        "model.linear1.weight.copy_(W1.T)",
        "return 0.5 * (y_hat - y).square().sum(dim=1).mean()",
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.5)",
    ]:
        assert line in [one.strip() for one in text.splitlines()]


def test_settings_of_torch() -> None:
    made = written([cg.Dense(3), cg.BatchNorm(0.3, 1e-4), cg.ReLU(), cg.Dense(2)], 4, l2=0.1)
    made.network.freeze("b3")
    text = torch_script(made.network, *samples(made.network), optimizer=cg.AdamW(0.1, beta1=0.8), title="One")
    for part in [
        "nn.BatchNorm1d(3, eps=0.0001, momentum=0.3)",
        "model.linear3.bias.requires_grad_(False)",
        "L = L + 0.1 * model.linear1.weight.square().sum()",
        "decayed = [model.linear1.weight, model.linear3.weight]",
        "betas=(0.8, 0.999), eps=1e-08",
        "model.eval()",
        '"""One\n',
    ]:
        assert part in text


class Odd(Layer):
    """A layer that PyTorch does not have."""

    def operation(self, training: bool) -> object:
        return dense.operation


def test_a_layer_without_a_form_is_named() -> None:
    net = example()
    net.layers = (*net.layers[:-1], Odd())
    with pytest.raises(OptionError, match="layer 4"):
        torch_script(net, X, Y)
