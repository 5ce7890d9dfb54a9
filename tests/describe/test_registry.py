"""Layers, rules and mistakes from outside the package: in networks, files, scripts, engines, diagnoses."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.describe.layers import registry

SOURCE = '''
import numpy as np
import chalkgrad as cg

SIX = 6


def straight(z, shift):
    """A sigmoid in three straight pieces."""
    return np.clip(z + shift, 0, SIX) / SIX


@cg.rule("a[...] = z[...] * min(max(z[...] + shift, 0), 6) / 6", source="Howard et al., arXiv:1905.02244, 5.2")
def hard_swish(z, *, shift=3.0):
    """a of z, any shape."""
    return z * straight(z, shift)


@cg.kinks(hard_swish)
def sides(z, *, shift):
    return (z > -shift) * 1 + (z > 6 - shift) * 1


@cg.rule(
    "dz[...] = da[...] * (min(max(z[...] + shift, 0), 6) / 6 + z[...] / 6 * [z[...] > -shift] * [z[...] < 6 - shift])"
)
def hard_swish_dz(da, z, *, shift=3.0):
    """dz of da and z, any shape: the product rule."""
    return da * (straight(z, shift) + z / 6 * ((z > -shift) & (z < 6 - shift)))


@cg.mistake(
    hard_swish_dz,
    "dz[...] = da[...] * min(max(z[...] + shift, 0), 6) / 6",
    "the second term of the product rule is left out",
)
def hard_swish_dz_half(da, z, *, shift=3.0):
    return da * straight(z, shift)


operation = cg.Operation("hard swish", (hard_swish,), (hard_swish_dz,), input="z", output="a")
HardSwish = cg.layer("HardSwish", operation, rectifies=True)


@cg.rule("s[n,k] = x[n,k] * g[k]")
def scaled(x, g):
    """s (N, K) of x (N, K) and g (K,)."""
    return x * g


@cg.rule("dg[k] = sum_n ds[n,k] * x[n,k]")
def scaled_dg(ds, x):
    """dg (K,) of ds and x (N, K)."""
    return np.sum(ds * x, axis=0)


@cg.rule("dx[n,k] = ds[n,k] * g[k]")
def scaled_dx(ds, g):
    """dx (N, K) of ds (N, K) and g (K,)."""
    return ds * g


@cg.mistake(scaled_dg, "dg[k] = sum_n ds[n,k]", "x is left out")
def scaled_dg_without_x(ds):
    return np.sum(ds, axis=0)


@cg.mistake(scaled_dx, "dx[n,k] = ds[n,k]", "{g} is left out")
def scaled_dx_without_g(ds):
    return ds * 1


scaling = cg.Operation("scaling", (scaled,), (scaled_dg, scaled_dx), input="x", output="s")


@cg.layer
class Scale(cg.Layer):
    """s = x * g, with a factor for every column."""

    start: float = 1.0

    def operation(self, training):
        return scaling

    def parameters(self, shape):
        return {"g": cg.Parameter(shape, cg.initializers.Constant(self.start))}
'''


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_OUTSIDE", {})


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module of somebody's own layers, imported."""
    (tmp_path / "my_layers.py").write_text(SOURCE, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield import_module("my_layers")
    sys.modules.pop("my_layers")


def network(own: Any, dtype: str = "float64") -> cg.Network:
    layers = [
        cg.Dense(6),
        own.HardSwish(),
        own.Scale(2.0),
        cg.Dense(4, name="p"),
        own.HardSwish(shift=2.5),
        cg.Dense(3),
    ]
    return cg.Network([*layers, cg.Softmax()], input_shape=4, loss=cg.CrossEntropy(), dtype=dtype, seed=1)


def data(count: int = 12) -> tuple[Any, Any]:
    rng = np.random.default_rng(3)
    return rng.standard_normal((count, 4)) * 2, rng.integers(0, 3, count)


def test_a_layer_of_an_operation_has_the_settings_of_its_rules(own: Any) -> None:
    assert own.HardSwish() == own.HardSwish(3.0) != own.HardSwish(shift=2.0)
    assert own.HardSwish.__doc__ == "hard swish: a[...] = z[...] * min(max(z[...] + shift, 0), 6) / 6."
    assert own.HardSwish.__module__ == "my_layers"
    with pytest.raises(TypeError, match="HardSwish has no shft; did you mean 'shift'"):
        own.HardSwish(shft=2.0)
    for wrong in ("a", float("nan"), None, [1.0]):
        with pytest.raises(cg.OptionError, match="HardSwish: shift must be a number"):
            own.HardSwish(shift=wrong)


def test_they_pass_the_three_way_test(own: Any) -> None:
    rng = np.random.default_rng(0)
    z = rng.standard_normal((3, 5)) * 4
    cg.testing.check_operation(own.operation, [{"z": z, "shift": 3.0}, {"z": z[None], "shift": 2.0}])
    cg.testing.check_operation(own.scaling, [{"x": z, "g": rng.standard_normal(5)}])


def test_they_stand_in_networks_and_every_reading_knows_them(own: Any) -> None:
    net = network(own)
    x, y = data()
    net.program.verify()
    assert net.check_gradients(x, y).passed
    assert [n for n in net.parameters if n.startswith("g")] == ["g2"]
    assert "layer 3, Scale" in net.summary()
    trace = net.trace(x, y)
    for name in ("dz1[0, 1]", "dg2[0]", "dW1[0, 0]"):
        assert trace.explain(name).check.agrees
    assert "hard_swish_dz" in str(trace.explain("dz1[0, 1]"))
    assert "g2" in str(net.derive(x, y))
    for kind in ("auto", "layers", "graph"):
        net.diagram(kind)


@pytest.mark.parametrize("dtype", [pytest.param("float32", marks=pytest.mark.long), "float64"])
def test_the_engines_and_the_script_agree(own: Any, dtype: str, tmp_path: Path) -> None:
    x, y = data()
    nets = {engine: network(own, dtype) for engine in ("numpy", "compiled")}
    settings: dict[str, Any] = {"optimizer": cg.SGD(0.1), "epochs": 4, "batch_size": None, "shuffle": False}
    losses = {e: [r.loss for r in net.fit(x, y, engine=e, **settings)] for e, net in nets.items()}
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(losses["compiled"], losses["numpy"], rtol=tolerance)
    np.testing.assert_allclose(nets["compiled"].flat, nets["numpy"].flat, rtol=100 * tolerance, atol=tolerance)
    script = network(own, dtype).source("numpy", x, y, optimizer=cg.SGD(0.1), steps=4)
    (tmp_path / "script.py").write_text(str(script), "utf-8")
    printed = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, check=True)
    assert [float(line.rpartition(" ")[2]) for line in printed.stdout.splitlines()[:4]] == losses["numpy"]
    assert "chalkgrad" not in str(script)
    assert "my_layers" not in str(script)


def test_their_mistakes_are_diagnosed(own: Any) -> None:
    net = network(own)
    x, y = data()
    claimed = {n: np.array(v) for n, v in net.gradients(x, y).items()}
    claimed["g2"] = net.trace(x, y)["ds2"].sum(axis=0)
    assert "x is left out" in str(cg.diagnose(net, x, y, claimed))


def test_copies_and_pickles(own: Any) -> None:
    net = network(own)
    x, y = data()
    for twin in (net.copy(), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(twin.predict(x), net.predict(x))
    trace = net.trace(x, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(trace))["dg2"], trace["dg2"])
    assert copy.deepcopy(own.operation.forward[0]) is own.hard_swish


def test_a_pickle_brings_its_layers(own: Any, tmp_path: Path) -> None:
    (tmp_path / "net.pickle").write_bytes(pickle.dumps(network(own)))
    code = f"import pickle, sys; sys.path.insert(0, {str(tmp_path)!r}); " + (
        f"net = pickle.load(open({str(tmp_path / 'net.pickle')!r}, 'rb')); print(net.layers[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("HardSwish(")


def test_save_and_load(own: Any, tmp_path: Path) -> None:
    net = network(own)
    net.save(tmp_path / "saved")
    text = (tmp_path / "saved" / "network.toml").read_text("utf-8")
    assert '{ type = "my_layers:HardSwish", shift = 2.5 }' in text
    loaded = cg.load(tmp_path / "saved")
    assert loaded.layers == net.layers
    np.testing.assert_array_equal(loaded.flat, net.flat)


def test_a_block_of_them_is_saved(own: Any, tmp_path: Path) -> None:
    layers = [cg.Dense(3), cg.Residual([own.Scale(), own.HardSwish()])]
    net = cg.Network(layers, input_shape=3, loss=cg.SquaredError())
    net.save(tmp_path)
    assert cg.load(tmp_path).layers == net.layers


TABLE: dict[str, Any] = {"input_shape": 4, "loss": "SquaredError"}


def described(kind: str) -> cg.Network:
    return cg.Network.described({**TABLE, "layers": [{"type": "Dense", "units": 2}, {"type": kind}]}, "file.toml")


def test_loading_imports_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "their_layers.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w').close()\n{SOURCE}", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "network.toml").write_text(
        'input_shape = 4\nloss = "SquaredError"\nlayers = [{ type = "Dense", units = 2 }, { type = "their_layers:HardSwish" }]\n'
    )
    with pytest.raises(
        cg.CheckpointError, match=r"network\.toml: .*their_layers, which is not imported: write import th"
    ):
        cg.load(tmp_path)
    assert "their_layers" not in sys.modules
    assert not (tmp_path / "imported").exists()
    import_module("their_layers")
    try:
        assert cg.load(tmp_path).layers[1].kind == "HardSwish"
    finally:
        sys.modules.pop("their_layers")


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        (
            "nowhere:HardSwish",
            cg.CheckpointError,
            "file.toml: layer 2: the layer HardSwish is defined by the module nowhere",
        ),
        ("my_layers:HardSwsh", cg.CheckpointError, "has registered no layer 'HardSwsh'; did you mean 'HardSwish'"),
        ("numpy:Scale", cg.CheckpointError, 'write Scale = cg.layer\\("Scale", ...\\) there'),
        ("__main__:Gate", cg.CheckpointError, "script or notebook that saved the network"),
        ("HardSwish", cg.UnknownNameError, "did you mean 'my_layers:HardSwish'"),
        ("HardSigmoid", cg.UnknownNameError, "there is no layer 'HardSigmoid'; did you mean 'Sigmoid'"),
    ],
)
@pytest.mark.usefixtures("own")
def test_a_name_that_is_not_known(kind: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        described(kind)


def test_a_cell_that_is_run_again_replaces(own: Any) -> None:
    first = own.HardSwish
    names: dict[str, Any] = {"__name__": "my_layers"}
    exec(SOURCE, names)
    assert names["HardSwish"] is not first
    assert isinstance(described("my_layers:HardSwish").layers[1], names["HardSwish"])
    before = list(own.hard_swish_dz.mistakes)
    again = cg.mistake(own.hard_swish_dz, "dz[...] = da[...]", "all is left out")(own.hard_swish_dz_half.function)
    assert own.hard_swish_dz.mistakes == [again]
    assert len(before) == 1


def test_what_cannot_be_registered(own: Any) -> None:
    def forward(z: Any) -> Any:
        return z * 1

    def backward(da: Any) -> Any:
        return da * 1

    there = cg.rule("a[...] = z[...]")(forward)
    back = cg.rule("dz[...] = da[...]")(backward)
    right = cg.Operation("one", (there,), (back,), input="z", output="a")
    assert cg.layer("One", right)().kind == "One"
    noise = cg.Operation("noise", (cg.rule(output="a")(forward),), (back,), input="z", output="a")
    other = cg.Operation("other", (there,), (cg.rule("dv[...] = da[...]")(backward),), input="z", output="a")
    named = cg.Operation("named", (cg.rule("a[...] = z[...] * kind")(_with_kind),), (back,), input="z", output="a")
    for kind, operation, said in [
        ("Dense", right, "there is a layer Dense in chalkgrad"),
        ("not a name", right, "that of a class"),
        ("One", own.scaling, "scaled takes g.*class of its own, @cg.layer class One"),
        ("One", noise, "forward has no formula"),
        ("One", other, "no backward rule for dz"),
        ("One", cg.Operation("half", (there,), (), input="z", output="a"), "half has no backward rule for dz"),
        ("One", cg.Operation("none", (), (back,), input="z", output="a"), "last forward rule of none has to compute a"),
        ("One", named, "a setting kind, as every layer has"),
    ]:
        with pytest.raises(cg.OptionError, match=said):
            cg.layer(kind, operation)
    with pytest.raises(cg.OptionError, match="forward is a tuple of rules"):
        cg.Operation("one", there, (back,), input="z", output="a")  # type: ignore[arg-type]
    with pytest.raises(cg.OptionError, match=r"takes a subclass of cg\.Layer"):
        cg.layer(3)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="a rule has no produkt; did you mean 'product'"):
        cg.rule("a[...] = z[...]", produkt=True)

    class Nothing(cg.Layer):
        """Nothing."""

    with pytest.raises(cg.OptionError, match="write the method operation"):
        cg.layer(Nothing)


def _with_kind(z: Any, *, kind: float) -> Any:
    return z * kind


def test_a_layer_that_no_file_can_name_is_not_saved(tmp_path: Path) -> None:
    class Mine(cg.ReLU):
        """A ReLU."""

    net = cg.Network([cg.Dense(2), Mine()], input_shape=2, loss=cg.SquaredError())
    with pytest.raises(cg.CheckpointError, match=r"the layer Mine is not registered.*write @cg.layer above its class"):
        net.save(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_errors_name_the_layer(own: Any) -> None:
    layers = [cg.Conv2D(2, 3), own.Scale(), cg.Flatten(), cg.Dense(2)]
    with pytest.raises(cg.FormulaError, match=r"layer 2, Scale: s2 = scaled\(\.\.\.\): "):
        cg.Network(layers, input_shape=(1, 5, 5), loss=cg.SquaredError())

    class Bare(cg.Layer):
        """A Scale that forgets its factor."""

        def operation(self, training: bool) -> Any:
            return own.scaling

    with pytest.raises(cg.FormulaError, match="layer 1, Bare: scaled takes g, but the layer has only x"):
        cg.Network([Bare()], input_shape=2, loss=cg.SquaredError())


def test_a_script_says_what_it_cannot_write(own: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "SIX", np.array([6.0]))
    with pytest.raises(cg.OptionError, match="straight uses SIX, which has no form in a script"):
        network(own).source("numpy")
    module = ModuleType("elsewhere")
    monkeypatch.setitem(sys.modules, "elsewhere", module)
    exec(SOURCE, module.__dict__)  # there is no file to read the source from
    with pytest.raises(cg.OptionError, match=r"the source of .* cannot be read; define it in a file"):
        network(module).source("numpy")
