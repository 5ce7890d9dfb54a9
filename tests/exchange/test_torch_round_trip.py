"""Networks to PyTorch and back: the same lines, numbers and gradients."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import chalkgrad as cg
from drawn_graphs import GRAPHS, graphs
from networks import networks
from write.sequences import SEQUENCES, random_sequence
from write.written import KINDS as PLAIN
from write.written import samples

torch = pytest.importorskip("torch")

torch.set_num_threads(1)  # in products as small as these, several would wait
pytestmark = pytest.mark.torch

KINDS = {**PLAIN, **SEQUENCES}


def example(net: cg.Network, x: Any) -> Any:
    """The samples as the module takes them: ids are whole numbers, several inputs stand apart."""
    rows, begin, parts = net.inputs(x), 0, {}
    if not net.layout.several:
        return torch.as_tensor(np.asarray(x))
    for name, shape in net.layout.inputs.items():
        end = begin + int(np.prod(shape))
        part = np.ascontiguousarray(rows[:, begin:end].reshape(len(rows), *shape))
        parts[name] = torch.as_tensor(part.astype(np.int64) if name in net.layout.ids else part)
        begin = end
    return parts


def sorted_gradients(net: cg.Network, x: Any, y: Any) -> np.ndarray:
    """The numbers of all gradients; the order of the lines may be another."""
    gradients = net.gradients(x, y, training=False).values()
    return np.sort(np.concatenate([np.zeros(0), *(g.reshape(-1) for g in gradients)]))


def there_and_back(net: cg.Network, x: Any, y: Any) -> cg.Network:
    """The network of the module of a network: as good as the network itself."""
    net = net.copy(dtype="float64")
    module, given = net.to_torch(), example(net, x)
    back = cg.from_torch(module, given, loss=net.loss_function)
    assert back.frozen == () or net.frozen
    np.testing.assert_allclose(back.predict(net.inputs(x)), net.predict(net.inputs(x)), rtol=0, atol=1e-12)
    compared = cg.compare(module, net, given, y)
    assert compared, str(compared)
    again = cg.compare(module, back, given, y)
    assert again, str(again)
    if not net.layout.penalties:  # the loss has them, the module has not
        assert back.loss(net.inputs(x), y) == pytest.approx(net.loss(x, y), rel=1e-12)
        ours, theirs = (sorted_gradients(n, net.inputs(x), y) for n in (net, back))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10)
    return back


@settings(max_examples=5)
@given(networks())
def test_random_networks(drawn: tuple[cg.Network, np.ndarray, np.ndarray]) -> None:
    there_and_back(*drawn)


@pytest.mark.long
@settings(max_examples=100)
@given(networks())
def test_many_random_networks(drawn: tuple[cg.Network, np.ndarray, np.ndarray]) -> None:
    there_and_back(*drawn)


@pytest.mark.long
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(graphs(), st.integers(0, 99))
def test_random_graphs(net: cg.Network, seed: int) -> None:
    there_and_back(net, *samples(net, seed))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(30))
def test_random_sequences(seed: int) -> None:
    made = random_sequence(seed)
    there_and_back(made.network, made.x, made.y)


@pytest.mark.long
@pytest.mark.parametrize("name", list(KINDS))
def test_every_kind_of_network(name: str) -> None:
    made = KINDS[name]()
    there_and_back(made.network, made.x, made.y)


@pytest.mark.long
@pytest.mark.parametrize("name", list(GRAPHS))
def test_the_graphs_of_the_docs(name: str) -> None:
    net = GRAPHS[name]()
    there_and_back(net, *samples(net))


def test_lines_are_those_of_the_network() -> None:
    layers = [
        cg.Embedding(7, 4, name="ids"), cg.Positions(), cg.Residual([cg.LayerNorm(), cg.Attention(2, causal=True)]),
        cg.LSTM(3, sequences=True, bidirectional=True), cg.Dense(4), cg.Dense(7, weights_of="ids", bias=False), cg.Softmax(),
    ]  # fmt: skip
    net = cg.Network(layers, input_shape=5, loss="CrossEntropy", dtype="float64")
    x = np.arange(15).reshape(3, 5) % 7
    back = there_and_back(net, x, x)
    assert [line.layer.kind for line in back.layout.lines] == [line.layer.kind for line in net.layout.lines]
    assert sorted(p.shape for p in back.parameters.values()) == sorted(p.shape for p in net.parameters.values())


def test_the_module_is_that_of_the_script() -> None:
    net = cg.Network(
        [cg.Dense(3), cg.BatchNorm(), cg.Dropout(0.5), cg.Dense(2), cg.Softmax()], input_shape=4, loss="CrossEntropy"
    )
    net.freeze("W1", "b1")
    net.states["running_mu2"][...] = 0.5
    module = net.to_torch()
    assert type(module).__name__ == "Network"
    assert module.training
    assert {str(p.dtype) for p in module.parameters()} == {"torch.float32"}
    assert torch.get_default_dtype() == torch.float32
    assert [name for name, p in module.named_parameters() if not p.requires_grad] == ["linear1.weight", "linear1.bias"]
    assert torch.equal(module.norm2.running_mean, torch.full((3,), 0.5))
    module.linear3.weight.data.zero_()
    assert net.parameters["W3"].any()  # the arrays are the module's own
    own = inspect.getsource(type(module).forward)
    assert "x = self.norm2(x)" in own
    assert own in net.source("torch")


def test_what_has_no_form_is_refused() -> None:
    @cg.layer
    class Mine(cg.Tanh):
        def operation(self, training: bool) -> Any:
            return cg.Sigmoid().operation(training)

    net = cg.Network([cg.Dense(2), Mine()], input_shape=2, loss="SquaredError")
    with pytest.raises(cg.OptionError, match="layer 2, Mine has no form in a PyTorch script"):
        net.to_torch()
