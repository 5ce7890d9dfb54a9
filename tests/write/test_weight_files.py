"""Weights in .safetensors files: there and back under both kinds of names, and into PyTorch's own modules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import chalkgrad as cg
from chalkgrad.base.errors import ChalkgradError
from chalkgrad.files.safetensors import read_safetensors, read_with_metadata, write_safetensors
from drawn_graphs import graphs
from every_rule import every_rule
from networks import networks

ANYWHERE = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
ALL_WAYS = pytest.mark.parametrize("names", ["chalkgrad", "torch"])


def shaken(net: cg.Network, seed: int = 1) -> cg.Network:
    """Other weights, those that start at 0 too."""
    rng = np.random.default_rng(seed)
    own = {**net.parameters, **net.states}
    net.set_parameters({name: rng.random(array.shape) + 0.1 for name, array in own.items()})
    return net


def same(one: cg.Network, other: cg.Network) -> None:
    for name, array in {**one.parameters, **one.states}.items():
        np.testing.assert_array_equal(array, {**other.parameters, **other.states}[name], err_msg=name)


@ALL_WAYS
def test_every_layer_there_and_back(names: str, tmp_path: Path) -> None:
    seen: set[str] = set()
    for _, net, *_ in every_rule():
        if repr(net.to_table()["layers"]) in seen:
            continue
        seen.add(repr(net.to_table()["layers"]))
        file = tmp_path / "net.safetensors"
        shaken(net).save_weights(file, names=names)
        other = cg.Network(net.layers, input_shape=net.input_shape, loss=net.loss_function, dtype="float64", seed=9)
        other.load_weights(file)
        same(net, other)
    assert len(seen) > 30


@ANYWHERE
@given(net=graphs(), names=st.sampled_from(["chalkgrad", "torch"]))
def test_random_graphs_there_and_back(net: cg.Network, names: str, tmp_path: Path) -> None:
    file = tmp_path / "net.safetensors"
    net.save_weights(file, names=names)
    other = shaken(net.copy())
    other.load_weights(file)
    same(net, other)


def module_of(net: cg.Network) -> Any:
    """The nn.Module that `source("torch")` writes."""
    torch = pytest.importorskip("torch")
    known: dict[str, Any] = {"__name__": "module"}
    before = torch.get_default_dtype()
    try:
        exec(compile(net.source("torch", steps=0), "<module>", "exec"), known)
    finally:
        torch.set_default_dtype(before)
    return known["Network"]


@pytest.mark.torch
@pytest.mark.parametrize(
    "name", ["gate", "tied", "convolution", "pools", "causal", "waves", "every step", "LSTM", "GRU"]
)
def test_the_file_is_the_modules_state(name: str, tmp_path: Path) -> None:
    torch, st_torch = pytest.importorskip("torch"), pytest.importorskip("safetensors.torch")
    net = shaken(next(n for title, n, *_ in every_rule() if title.startswith(name)))
    file = tmp_path / "net.safetensors"
    net.save_weights(file, names="torch")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        module = module_of(net)()
        module.load_state_dict(st_torch.load_file(file))  # all names, no others
        module.eval()
        rng = np.random.default_rng(0)
        shape = (2, *net.layout.sample_shape)
        x = rng.integers(0, 5, shape) if net.layout.ids else rng.standard_normal(shape)
        given = (torch.tensor(x) if not net.layout.several else torch.tensor(x)[:, i : i + 1] for i in [0])
        fused = net.loss_function.fused(net.layers[-1]) is not None
        if not net.layout.several:
            y = module(*given).detach()
            y = torch.softmax(y, -1) if fused else y
            np.testing.assert_allclose(y.numpy(), net.predict(x), atol=1e-10)
        with torch.no_grad():
            for p in module.parameters():
                p.mul_(1.5)
        back = tmp_path / "back.safetensors"
        state = {k: v.contiguous() for k, v in module.state_dict().items()}
        st_torch.save_file(state, back)
        other = net.copy()
        other.load_weights(back)
        np.testing.assert_allclose(other.flat, net.flat * 1.5)
    finally:
        torch.set_default_dtype(before)


@pytest.mark.torch
def test_modules_from_elsewhere(tmp_path: Path) -> None:
    torch, st_torch = pytest.importorskip("torch"), pytest.importorskip("safetensors.torch")
    nn = torch.nn
    file = tmp_path / "net.safetensors"
    layers = [nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2)]
    layers += [nn.Tanh() for _ in range(6)] + [nn.Linear(2, 2)]  # 11.weight comes after 2.weight
    module = nn.Sequential(*layers).to(torch.float32)
    st_torch.save_file(module.state_dict(), file)
    net = cg.Network(
        [cg.Dense(4), cg.Tanh(), cg.Dense(4), cg.Tanh(), cg.Dense(2), *[cg.Tanh()] * 6, cg.Dense(2)],
        input_shape=3,
        loss="SquaredError",
        dtype="float64",
    )
    net.load_weights(file)
    x = np.random.default_rng(0).standard_normal((5, 3))
    with torch.no_grad():
        want = module(torch.tensor(x, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(net.predict(x), want, atol=1e-6)

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.out, self.lstm = nn.Linear(4, 2), nn.LSTM(3, 4, batch_first=True)

    two = Two().to(torch.float64)
    st_torch.save_file(two.state_dict(), file)
    recurrent = cg.Network([cg.LSTM(4), cg.Dense(2)], input_shape=(5, 3), loss="SquaredError", dtype="float64")
    recurrent.load_weights(file)  # by shapes, and with both biases added
    z = np.random.default_rng(0).standard_normal((2, 5, 3))
    want = two.out(two.lstm(torch.tensor(z))[0][:, -1]).detach().numpy()
    np.testing.assert_allclose(recurrent.predict(z), want, atol=1e-10)


def dense(**settings: Any) -> cg.Network:
    return cg.Network([cg.Dense(3), cg.Tanh(), cg.Dense(3)], input_shape=3, loss="SquaredError", **settings)


def test_alike_modules_are_not_guessed(tmp_path: Path) -> None:
    net, file = dense(), tmp_path / "net.safetensors"
    W, b = np.eye(3, dtype=np.float32), np.zeros(3, np.float32)
    write_safetensors(file, {"fc.weight": W, "fc.bias": b, "also.weight": 2 * W, "also.bias": b})
    with pytest.raises(cg.DataError, match=r"not plain which of .*fc.*names=\{'W1': 'fc.weight'"):
        net.load_weights(file)
    net.load_weights(file, names={"W1": "also.weight", "b1": "also.bias", "W2": "fc.weight", "b2": "fc.bias"})
    np.testing.assert_array_equal(net.parameters["W1"], 2 * W)
    with pytest.raises(cg.OptionError, match="names lacks b2"):
        net.load_weights(file, names={"W1": "also.weight", "b1": "also.bias", "W2": "fc.weight"})
    with pytest.raises(cg.OptionError, match=r"'fc.weigt', no name in .*; did you mean 'fc.weight'"):
        net.load_weights(file, names={"W1": "fc.weigt"})


def changed(arrays: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {name: array for name, array in {**arrays, **more}.items() if array is not None}


@ALL_WAYS
def test_what_does_not_fit_changes_nothing(names: str, tmp_path: Path) -> None:
    net, file = dense(), tmp_path / "net.safetensors"
    net.save_weights(file, names=names)
    arrays, metadata = read_with_metadata(file)
    first = "W1" if names == "chalkgrad" else "linear1.weight"
    whole = arrays[first]
    bad = np.array(whole)
    bad[0, 0] = np.nan
    cases = [
        (changed(arrays, **{first: None}), "lacks|shapes|fit"),
        (changed(arrays, extra=whole), "nothing in the network takes extra"),
        (changed(arrays, **{first: whole[:2]}), "shape"),
        (changed(arrays, **{first: bad}), "NaN"),
        (changed(arrays, **{first: whole.astype(np.float64)}), "would round"),
        (changed(arrays, **{first: whole.astype(np.int32)}), "int32"),
    ]
    before = net.flat.copy()
    for content, said in cases:
        write_safetensors(file, content, metadata)
        with pytest.raises(ChalkgradError, match=said):
            net.load_weights(file)
        np.testing.assert_array_equal(net.flat, before)
    write_safetensors(file, changed(arrays, **{first: whole.astype(np.float64)}), metadata)
    net.load_weights(file, narrow=True)
    write_safetensors(file, {"W9": whole})
    with pytest.raises(ChalkgradError):
        net.load_weights(file, names="chalkgrad")


def test_damaged_maps(tmp_path: Path) -> None:
    net, file = dense(), tmp_path / "net.safetensors"
    net.save_weights(file, names="torch")
    arrays, metadata = read_with_metadata(file)
    entry = json.loads(metadata["chalkgrad.map"])
    for text, said in [
        ("{", "damaged"),
        ("[" * 10**5, "damaged"),
        (json.dumps({"W1": entry["W1"]}), "is for the weights W1; the network has"),
        (json.dumps({**entry, "W1": {"tensor": 3}}), "damaged: W1"),
        (json.dumps({**entry, "W1": {"tensor": "linear1.weight", "rows": [0, -1]}}), "damaged: W1"),
        (json.dumps({**entry, "W1": {"tensor": "linear1.weight", "rows": [0, 10**30]}}), ""),
    ]:
        write_safetensors(file, arrays, {**metadata, "chalkgrad.map": text})
        if said:
            with pytest.raises(cg.DataError, match=said):
                net.load_weights(file)
    write_safetensors(file, arrays, {**metadata, "chalkgrad.weights": "99"})
    with pytest.raises(cg.DataError, match="version 99"):
        net.load_weights(file)


def test_float32_into_float64_is_exact(tmp_path: Path) -> None:
    file = tmp_path / "net.safetensors"
    small, large = dense(seed=3), dense(dtype="float64")
    small.save_weights(file)
    large.load_weights(file)
    np.testing.assert_array_equal(large.flat, small.flat.astype(np.float64))


def test_nothing_infinite_is_saved_and_nothing_overwritten(tmp_path: Path) -> None:
    net, file = dense(), tmp_path / "net.safetensors"
    net.save_weights(file)
    before = file.read_bytes()
    net.parameters["b1"][0] = np.inf
    with pytest.raises(cg.DataError, match="b1 holds NaN or infinity"):
        net.save_weights(file)
    assert file.read_bytes() == before
    with pytest.raises(cg.OptionError, match="did you mean 'torch'"):
        net.save_weights(file, names="torh")


@ANYWHERE
@given(drawn=networks())
def test_the_libraries_agree(drawn: Any, tmp_path: Path) -> None:
    numpy_library = pytest.importorskip("safetensors.numpy")
    net, file = drawn[0], tmp_path / "net.safetensors"
    net.save_weights(file)
    theirs = numpy_library.load_file(file)
    assert {n: a.tolist() for n, a in theirs.items()} == {
        n: a.tolist() for n, a in {**net.parameters, **net.states}.items()
    }
    numpy_library.save_file(theirs, file)
    for name, array in read_safetensors(file).items():
        np.testing.assert_array_equal(array, theirs[name])
