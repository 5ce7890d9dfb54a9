"""PyTorch scripts print the network's losses, up to rounding."""

from __future__ import annotations

import ast
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import chalkgrad as cg
from chalkgrad.base.errors import OptionError
from chalkgrad.rules import Operation, tanh
from chalkgrad.write.arrays import weights_needed
from chalkgrad.write.torch_layers import Form, form
from chalkgrad.write.torch_module import torch_script
from drawn_graphs import GRAPHS, graphs
from networks import X, Y, example
from write.written import KINDS, MASKED, Written, run, samples, unused_names, written

torch = pytest.importorskip("torch")

Losses = dict[tuple[str, str], list[float]]


def script_of(made: Written, steps: int = 5) -> str:
    return torch_script(made.network, made.x, made.y, optimizer=made.optimizer, steps=steps)


@pytest.fixture(scope="module")
def losses(tmp_path_factory: pytest.TempPathFactory) -> Losses:
    """What all scripts print, in one process: PyTorch takes seconds to start."""
    scripts = {("five steps", name): script_of(make()) for name, make in KINDS.items()}
    scripts |= {("an example", name): torch_script(make().network, steps=1) for name, make in KINDS.items()}
    scripts |= {("prediction", name): script_of(MASKED[name](), steps=0) for name in DROPPED}
    scripts["five steps", "dropout"] = script_of(MASKED["dropout"]())
    scripts["five steps", "in float32"] = script_of(large())
    return run(scripts, tmp_path_factory.mktemp("scripts"))


def test_losses_over_five_steps_are_the_networks(losses: Losses) -> None:
    for name, make in KINDS.items():
        made = make()
        made.steps = 5
        assert weights_needed(made.network) is None
        expected = made.losses()
        if not made.network.parameters:
            expected = expected[-1:]
        np.testing.assert_allclose(losses["five steps", name], expected, rtol=1e-12, err_msg=name)


DROPPED = ("dropout", "dropout of images")


def test_dropout_is_said_to_differ_and_prediction_is_the_same(losses: Losses) -> None:
    assert len(losses["five steps", "dropout"]) == 6
    for name in DROPPED:
        made = MASKED[name]()
        assert "Dropout draws other masks" in script_of(made, steps=0)
        np.testing.assert_allclose(losses["prediction", name], [made.network.loss(made.x, made.y)], rtol=1e-12)


def large() -> Written:
    """One in float32 whose weights need a file, or much text."""
    made = written([cg.Dense(30), cg.ReLU(), cg.Dense(3), cg.Softmax()], 20, "CrossEntropy", "float32")
    made.network.fit(made.x, made.y, epochs=1)
    made.steps = 5
    return made


def test_float32_and_weights_from_a_file(losses: Losses, tmp_path: Path) -> None:
    made = large()
    assert weights_needed(made.network) is not None
    np.testing.assert_allclose(losses["five steps", "in float32"], made.losses(), rtol=1e-5)
    text = made.network.source("torch", made.x, made.y, optimizer=made.optimizer, steps=5, out=tmp_path / "script_0.py")
    assert (tmp_path / "script_0_weights.npz").exists()
    np.testing.assert_allclose(run({"a": text}, tmp_path)["a"], made.losses(), rtol=1e-5)


def test_an_example_is_drawn_where_no_samples_are_given(losses: Losses) -> None:
    assert all(np.isfinite(losses["an example", name]).all() for name in KINDS)


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


def test_graphs_over_four_steps_give_the_networks_losses(tmp_path: Path) -> None:
    made = {name: Written(net, *samples(net), cg.SGD(0.05), 4) for name, net in ((n, m()) for n, m in GRAPHS.items())}
    _compare(made, tmp_path)


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(graphs(), min_size=10, max_size=10))
def test_random_graphs_give_the_networks_losses(networks: list[cg.Network]) -> None:
    made = {str(k): Written(net, *samples(net), cg.Adam(0.02), 3) for k, net in enumerate(networks)}
    with TemporaryDirectory() as directory:
        _compare(made, Path(directory))


@pytest.mark.parametrize(
    ("shapes", "layers"),
    [({"left": 3, "right": 5}, [cg.Dense(5, of="left"), cg.Add("right")]),
     ({"picture": (2, 3, 2), "class": 2, "hidden_W": 1},
      [cg.Flatten(of="picture"), cg.Concat(["class", "hidden_W"]), cg.Dense(4, name="hidden")])],
)  # fmt: skip
def test_several_inputs(shapes: dict[str, int | tuple[int, ...]], layers: list[cg.Layer], tmp_path: Path) -> None:
    net = cg.Network(
        [*layers, cg.Tanh(), cg.Dense(2), cg.Softmax()], input_shape=shapes, loss="CrossEntropy", dtype="float64"
    )
    _compare({"net": Written(net, *samples(net), cg.SGD(0.05), 3)}, tmp_path)
    example = torch_script(net, steps=0)
    assert not unused_names(example)
    assert len(run({"example": example}, tmp_path)["example"]) == 1


def _compare(made: dict[str, Written], directory: Path) -> None:
    scripts = {name: script_of(one, one.steps) for name, one in made.items()}
    for name, text in scripts.items():
        assert not unused_names(text), name
    for name, losses in run(scripts, directory).items():
        np.testing.assert_allclose(losses, made[name].losses(), rtol=1e-10, err_msg=scripts[name])


def _statements(network: cg.Network) -> list[str]:
    text = torch_script(network, *samples(network))
    start, end = text.index("def forward"), text.index("def loss_of")
    return [line.strip() for line in text[start:end].splitlines() if line][1:]


def test_what_is_needed_later_has_a_name_of_its_own() -> None:
    assert _statements(GRAPHS["used three times"]()) == [
        "x = self.a_linear(x)",
        "t_a = self.t_tanh(x)",
        "x = self.b_linear(t_a)",
        "x = x * t_a",
        "x = x + t_a",
        "x = self.out_linear(x)",
        "return x",
    ]
    assert _statements(GRAPHS["skip of the input"]())[:3] == [
        "h = self.a_linear(x)",
        "h = self.a_tanh(h)",
        "h = torch.cat((h, x), dim=1)",
    ]
    assert "x = functional.linear(x, self.tokens_linear.weight.T, self.out_bias)" in _statements(GRAPHS["tied"]())
    assert "x = functional.linear(t_a, self.first_linear.weight)" in _statements(GRAPHS["tied twice"]())


class Odd(cg.ReLU):
    """A layer that looks like one that PyTorch has, and computes something else."""

    def operation(self, training: bool) -> Operation:
        return tanh.operation


class Same(cg.ReLU):
    """A layer that computes what its base does."""


def test_a_layer_without_a_form_is_named_and_may_get_one(tmp_path: Path) -> None:
    net = cg.Network([cg.Dense(3), Odd(), cg.Dense(2)], input_shape=4, loss="SquaredError", dtype="float64")
    made = Written(net, *samples(net))
    with pytest.raises(OptionError, match=r"layer 2, Odd has no form in a PyTorch script.*form.register"):
        script_of(made)
    form.register(Odd)(lambda layer, line: Form((("odd", "nn.Tanh()"),)))
    np.testing.assert_allclose(run({"a": script_of(made, 3)}, tmp_path)["a"], made.losses(), rtol=1e-12)
    net = cg.Network([cg.Dense(3), Same(), cg.Dense(2)], input_shape=4, loss="SquaredError", dtype="float64")
    assert "nn.ReLU()" in torch_script(net, *samples(net))
