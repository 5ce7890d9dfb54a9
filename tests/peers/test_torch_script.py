"""PyTorch scripts print the network's losses, up to rounding."""

from __future__ import annotations

import ast
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import chalkgrad as cg
from chalkgrad.base.errors import OptionError
from chalkgrad.rules import Operation, tanh
from chalkgrad.write.arrays import weights_needed
from chalkgrad.write.torch.layers import Form, form
from chalkgrad.write.torch.module import torch_script
from drawn_graphs import GRAPHS, graphs
from networks import X, Y, example
from write.sequences import SEQUENCES, random_sequence
from write.written import KINDS as PLAIN
from write.written import MASKED, Written, run, samples, unused_names, written

torch = pytest.importorskip("torch")


def undropped(seed: int) -> Written:
    """A random network over sequences, without dropout, which draws other masks."""
    made = random_sequence(seed)
    net = made.network
    layers = [layer for layer in net.layers if not isinstance(layer, cg.Dropout)]
    settings = {"loss": net.loss_function, "dtype": "float64", "seed": seed, "l2": net.l2}
    return Written(cg.Network(layers, input_shape=net.input_shape, **settings), made.x, made.y, made.optimizer)


KINDS = {**PLAIN, **SEQUENCES, **{f"random sequences {seed}": partial(undropped, seed) for seed in range(12)}}
Losses = dict[tuple[str, str], list[float]]
DRAWN = 20
"""How many graphs are drawn."""


def _several(shapes: dict[str, int | tuple[int, ...]], layers: list[cg.Layer]) -> cg.Network:
    ending = [cg.Tanh(), cg.Dense(2), cg.Softmax()]
    return cg.Network([*layers, *ending], input_shape=shapes, loss="CrossEntropy", dtype="float64")


SEVERAL = {
    "the sum of two inputs": lambda: _several({"left": 3, "right": 5}, [cg.Dense(5, of="left"), cg.Add("right")]),
    "inputs called like a word of Python, or a weight": lambda: _several(
        {"picture": (2, 3, 2), "class": 2, "hidden_W": 1},
        [cg.Flatten(of="picture"), cg.Concat(["class", "hidden_W"]), cg.Dense(4, name="hidden")],
    ),
}


def script_of(made: Written, steps: int = 5) -> str:
    return torch_script(made.network, made.x, made.y, optimizer=made.optimizer, steps=steps)


@pytest.fixture(scope="module")
def of_graphs() -> dict[str, tuple[Written, str]]:
    """Every graph by its name and some that are drawn, with their scripts."""
    made = {name: Written(net, *samples(net), cg.SGD(0.05), 4) for name, net in ((n, m()) for n, m in GRAPHS.items())}
    made |= {name: Written(net, *samples(net), cg.SGD(0.05), 3) for name, net in ((n, m()) for n, m in SEVERAL.items())}

    @settings(max_examples=DRAWN, suppress_health_check=list(HealthCheck))
    @given(graphs())
    def draw(net: cg.Network) -> None:
        made[f"drawn {len(made)}"] = Written(net, *samples(net), cg.Adam(0.02), 3)

    draw()
    return {name: (one, script_of(one, one.steps)) for name, one in made.items()}


@pytest.fixture(scope="module")
def losses(of_graphs: dict[str, tuple[Written, str]], tmp_path_factory: pytest.TempPathFactory) -> Losses:
    """What all scripts print, in one process: PyTorch takes seconds to start."""
    folder = tmp_path_factory.mktemp("scripts")
    scripts = {("five steps", name): script_of(make()) for name, make in KINDS.items()}
    scripts |= {("an example", name): torch_script(make().network, steps=1) for name, make in KINDS.items()}
    scripts |= {("an example", name): torch_script(make(), steps=0) for name, make in SEVERAL.items()}
    scripts |= {("prediction", name): script_of(MASKED[name](), steps=0) for name in DROPPED}
    scripts["five steps", "dropout"] = script_of(MASKED["dropout"]())
    scripts["five steps", "in float32"] = script_of(large())
    made = large()
    text = made.network.source("torch", made.x, made.y, optimizer=made.optimizer, steps=5, out=folder / "own.py")
    assert (folder / "own_weights.npz").exists()
    scripts["five steps", "weights from a file"] = text
    scripts |= {("graph", name): text for name, (_, text) in of_graphs.items()}
    form.register(Odd)(lambda layer, line: Form((("odd", "nn.Tanh()"),)))
    scripts["five steps", "a form of one's own"] = script_of(odd())
    return run(scripts, folder)


def test_losses_over_five_steps_are_the_networks(losses: Losses) -> None:
    for name, make in KINDS.items():
        made = make()
        made.steps = 5
        assert weights_needed(made.network) is None
        expected = made.losses()
        if not made.network.parameters:
            expected = expected[-1:]
        rtol = 1e-12 if made.network.dtype == np.float64 else 1e-5
        np.testing.assert_allclose(losses["five steps", name], expected, rtol=rtol, err_msg=name)


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


def test_float32_and_weights_from_a_file(losses: Losses) -> None:
    made = large()
    assert weights_needed(made.network) is not None
    np.testing.assert_allclose(losses["five steps", "in float32"], made.losses(), rtol=1e-5)
    np.testing.assert_allclose(losses["five steps", "weights from a file"], made.losses(), rtol=1e-5)


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


def test_examples_with_several_inputs(losses: Losses) -> None:
    for net in SEVERAL.values():
        assert not unused_names(torch_script(net(), steps=0))
    assert all(len(losses["an example", name]) == 1 for name in SEVERAL)


def test_graphs_give_the_networks_losses(of_graphs: dict[str, tuple[Written, str]], losses: Losses) -> None:
    assert len(of_graphs) == len(GRAPHS) + len(SEVERAL) + DRAWN
    for name, (made, text) in of_graphs.items():
        assert not unused_names(text), name
        np.testing.assert_allclose(losses["graph", name], made.losses(), rtol=1e-10, err_msg=text)


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


class WithoutForm(cg.ReLU):
    """Another one."""

    def operation(self, training: bool) -> Operation:
        return tanh.operation


def odd(layer: cg.Layer | None = None) -> Written:
    layers = [cg.Dense(3), layer or Odd(), cg.Dense(2)]
    net = cg.Network(layers, input_shape=4, loss="SquaredError", dtype="float64")
    return Written(net, *samples(net), steps=5)


def test_a_layer_without_a_form_is_named_and_may_get_one(losses: Losses) -> None:
    with pytest.raises(OptionError, match=r"layer 2, WithoutForm has no form in a PyTorch script.*form.register"):
        script_of(odd(WithoutForm()))
    np.testing.assert_allclose(losses["five steps", "a form of one's own"], odd().losses(), rtol=1e-12)
    net = cg.Network([cg.Dense(3), Same(), cg.Dense(2)], input_shape=4, loss="SquaredError", dtype="float64")
    assert "nn.ReLU()" in torch_script(net, *samples(net))
