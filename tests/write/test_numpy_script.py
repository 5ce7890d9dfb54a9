"""NumPy scripts print the network's own losses, to the last bit, and read well."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.write.arrays import data_needed, weights_needed
from chalkgrad.write.numpy_script import numpy_script
from networks import X, Y, example, saturated
from write.sequences import SEQUENCES, random_sequence
from write.written import (
    ACTIVATIONS,
    IMAGES,
    KINDS,
    LOSSES,
    MASKED,
    OPTIMIZERS,
    Written,
    run,
    samples,
    unused_names,
    written,
)


def script_of(made: Written, **settings: Any) -> str:
    given = {"optimizer": made.optimizer, "steps": made.steps, **settings}
    return numpy_script(made.network, made.x, made.y, **given)


def random_network(seed: int) -> Written:
    """Any layers in any order, with any loss, optimizer and dtype."""
    rng = np.random.default_rng(seed)

    def one(of: Any) -> Any:
        return of[int(rng.integers(len(of)))]

    def between() -> list[Any]:
        extra = [cg.BatchNorm(), cg.BatchNorm(affine=False), cg.LayerNorm(), cg.Dropout(0.3)]
        chosen = [one(extra)] if rng.random() < 0.4 else []
        activations = [a for n, a in ACTIVATIONS.items() if n != "softmax"]
        return [*chosen, one(activations)] if rng.random() < 0.8 else chosen

    loss, end, outputs = one(list(LOSSES.values()))
    layers: list[Any] = []
    shape: tuple[int, ...] = (int(rng.integers(1, 6)),)
    if rng.random() < 0.4:
        body, shape = one(list(IMAGES.values()))
        layers += [v for v in body[:-2] if not isinstance(v, cg.Flatten)]
        layers += [*between(), cg.Flatten()]
    for _ in range(int(rng.integers(0, 3))):
        name = one([None, "a", "b", "hidden", "out_1"])
        taken = any(name is not None and v.name == name for v in layers)
        layers += [
            cg.Dense(int(rng.integers(1, 6)), bool(rng.random() < 0.8), name=None if taken else name),
            *between(),
        ]
    layers += [cg.Dense(outputs), *end]
    made = written(
        layers, shape, loss, one(["float64", "float64", "float32"]), seed=seed, l1=one([0.0, 0.0, 0.01]),
        l2=one([0.0, 0.02]), optimizer=one(list(OPTIMIZERS.values())), steps=int(rng.integers(1, 5)),
    )  # fmt: skip
    made.network.freeze(*(n for n in made.network.parameters if rng.random() < 0.1))
    if rng.random() < 0.3:
        made.network.fit(made.x, made.y, optimizer=cg.SGD(1e-3), epochs=2)
    return made


@pytest.fixture(scope="module", params=["every kind", pytest.param("random", marks=pytest.mark.long)])
def every(request: pytest.FixtureRequest) -> dict[str, Written]:
    if request.param == "random":
        sequences = {f"random sequences {seed}": random_sequence(seed) for seed in range(3, 60)}
        return sequences | {f"random {seed}": random_network(seed) for seed in range(3, 60)}
    made = {name: make() for name, make in {**KINDS, **MASKED, **SEQUENCES}.items()}
    made |= {f"random {seed}": random_network(seed) for seed in range(3)}
    made |= {f"random sequences {seed}": random_sequence(seed) for seed in range(3)}
    for name in ("lenet", "batch norm", "gelu", "cross-entropy", "optimizer Adam", "dropout", "large", "l1 and l2"):
        twin = made[name].network.copy(dtype="float32")
        if name == "large":  # drawn afresh: a copy of float64 draws, rounded, is the same
            twin = cg.Network(twin.layers, input_shape=twin.input_shape, loss=twin.loss_function)
        made[f"{name} in float32"] = Written(twin, made[name].x, made[name].y, made[name].optimizer)
    return made


@pytest.fixture(scope="module")
def scripts(every: dict[str, Written]) -> dict[str, str]:
    return {name: script_of(made) for name, made in every.items()}


def test_losses_are_the_networks_to_the_last_bit(
    every: dict[str, Written], scripts: dict[str, str], tmp_path: Path
) -> None:
    found = run(scripts, tmp_path)
    wrong = {n: (losses, printed(every[n])) for n, losses in found.items() if losses != printed(every[n])}
    assert not wrong


def printed(made: Written) -> list[float]:
    trains = len(made.network.frozen) < len(made.network.parameters) or made.network.states
    return made.losses() if trains else made.losses()[-1:]


def test_scripts_stand_alone_and_hold_nothing_in_vain(scripts: dict[str, str]) -> None:
    for name, text in scripts.items():
        imports = [n for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.Import, ast.ImportFrom))]
        imported = {a.name for n in imports if isinstance(n, ast.Import) for a in n.names}
        assert imported <= {"base64", "numpy", "math"}, name
        assert {n.module for n in imports if isinstance(n, ast.ImportFrom)} <= {"functools", "pathlib"}, name
        assert not unused_names(text), name
        lines = text.splitlines()
        assert all(len(line) <= 100 and line == line.rstrip() for line in lines), name
        assert "\n\n\n\n" not in text, name
        for word in ("namespace", "xp.", "hasattr", "@1", "* 1.0", "(1.0 *", ".ndim", "reshape((-1,))"):
            assert word not in text, (name, word)


def test_the_textbooks_network_reads_as_in_the_textbook() -> None:
    text = numpy_script(example(), X, Y, optimizer=cg.SGD(0.5), title="Two neurons")
    assert text.startswith('"""Two neurons\n')
    lines = [line.strip() for line in text.splitlines()]
    for line in [
        "W1 = np.array([[0.15, 0.25], [0.2, 0.3]])",
        "x = np.array([[0.05, 0.1]])",
        "lr = 0.5  # the learning rate",
        "z1 = x @ W1 + b1",
        "a1 = 1 / (1 + np.exp(-z1))",
        "difference = y_hat - y",
        "l = 0.5 * np.sum(difference * difference, axis=1)",
        "L = np.mean(l)",
        "dy_hat = dl.reshape((-1, 1)) * (y_hat - y)",
        "dz2 = dy_hat * y_hat * (1 - y_hat)",
        "dW2 = a1.T @ dz2",
        "db2 = np.sum(dz2, axis=0)",
        "da1 = dz2 @ W2.T",
        "W1 = W1 - lr * dW1",
    ]:
        assert line in lines
    assert not any(line.startswith("dx") for line in lines)


def test_a_recurrent_network_reads_as_a_student_writes_it() -> None:
    made = written([cg.Embedding(5, 2), cg.RNN(3, sequences=True), cg.Dense(4), cg.Softmax()], 6, "CrossEntropy",
                   optimizer="Adam")  # fmt: skip
    text = script_of(made)
    forward = """\
    # layer 1, Embedding: (N, 6) -> (N, 6, 2)
    e1 = W1[x]
    # layer 2, RNN: (N, 6, 2) -> (N, 6, 3)
    z2, h2 = np.zeros((2, len(x), 6, 3))
    for t in range(6):
        h2_before = h2[:, t - 1] if t > 0 else np.zeros_like(h2[:, 0])
        z2[:, t] = e1[:, t] @ W2 + h2_before @ U2 + b2
        h2[:, t] = np.tanh(z2[:, t])
    # layer 3, Dense: (N, 6, 3) -> (N, 6, 4)
    z3 = h2 @ W3 + b3
    # layer 4, Softmax
    m3 = np.max(z3, axis=2)
    e3 = np.exp(z3 - m3[:, :, None])
"""
    backward = """\
    dl = np.zeros(l.shape, dtype=l.dtype) + 1 / l.size
    dz3 = dl[:, :, None] * (y_hat - y)
    # layer 3, Dense
    dW3 = h2.reshape((-1, 3)).T @ dz3.reshape((-1, 4))
    db3 = np.sum(dz3, axis=(0, 1))
    dh2_from_z3 = dz3 @ W3.T
    # layer 2, RNN
    dh2_from_z2, dh2, dz2 = np.zeros((3, len(x), 6, 3))
    for t in reversed(range(6)):
        dz2_after = dz2[:, t + 1] if t < 5 else np.zeros_like(dz2[:, 0])
        dh2_from_z2[:, t] = dz2_after @ U2.T
        dh2[:, t] = dh2_from_z2[:, t] + dh2_from_z3[:, t]
        dz2[:, t] = dh2[:, t] * (1 - h2[:, t] * h2[:, t])
    dU2 = h2[:, :-1].reshape((-1, 3)).T @ dz2[:, 1:].reshape((-1, 3))
    dW2 = e1.reshape((-1, 2)).T @ dz2.reshape((-1, 3))
    db2 = np.sum(dz2, axis=(0, 1))
    de1 = dz2 @ W2.T
    # layer 1, Embedding
    dW1 = np.zeros(W1.shape, dtype=de1.dtype)
    np.add.at(dW1, x, de1)
"""
    assert forward in text
    assert backward in text
    assert "count = step + 1" in text  # Adam's t, as t is the time
    assert "def " not in text


def test_no_rule_over_time_needs_its_arrays_as_rows(scripts: dict[str, str]) -> None:
    for name, text in scripts.items():
        if name in SEQUENCES:
            assert "_rows" not in text, name
            lines = [line for line in text.splitlines() if ".reshape((-1, " in line and "[:, ::-1]" not in line]
            rows = [line for line in lines if ")).T @" not in line and ".reshape((-1, 1" not in line]
            assert all("swapaxes" in line for line in rows), name


def test_the_lines_are_those_of_the_program_in_order() -> None:
    made = KINDS["batch norm"]()
    text = script_of(made)
    loop = next(n for n in ast.parse(text).body if isinstance(n, ast.For))
    computed = [n.targets[0].id for n in loop.body if isinstance(n, ast.Assign)]
    order = [s.output for s in made.network.program if s.output != "dx" and not s.output.endswith("_new")]
    assert [n for n in computed if n in set(order)] == order


def test_steps_and_thinning_and_the_forward_pass_alone(tmp_path: Path) -> None:
    net = example()
    many = run({"many": numpy_script(net, X, Y, optimizer=cg.SGD(0.5), steps=250)}, tmp_path)["many"]
    assert len(many) == 4  # steps 0, 100, 200 and 250
    twin = net.copy()
    twin.fit(X, Y, optimizer=cg.SGD(0.5), epochs=250, batch_size=None, shuffle=False)
    assert many[-1] == twin.loss(X, Y)
    alone = numpy_script(net, X, Y, steps=0)
    assert "for step" not in alone
    assert "dW1" not in alone
    assert run({"alone": alone}, tmp_path)["alone"] == [net.loss(X, Y)]
    with pytest.raises(cg.OptionError, match="steps"):
        numpy_script(net, X, Y, steps=-1)
    with pytest.raises(cg.OptionError, match="both x and y"):
        numpy_script(net, X)
    with pytest.raises(cg.ShapeError):
        numpy_script(net, [[1, 2, 3]], Y)
    with pytest.raises(cg.UnknownNameError, match="did you mean 'Adam'"):
        numpy_script(net, X, Y, optimizer="Adm")


def test_large_weights_are_drawn_again_or_stand_there_as_text_or_in_a_file(tmp_path: Path) -> None:
    net = written([cg.Dense(30), cg.ReLU(), cg.Dense(3), cg.Softmax()], 20, "CrossEntropy", "float32").network
    assert weights_needed(net) is None
    text = numpy_script(net)
    assert "rng = np.random.default_rng(0)" in text
    assert "b1 = np.zeros(30, dtype=np.float32)" in text
    net.parameters["b2"][...] = [1, 2, 3]  # set by hand: still no file needed
    assert weights_needed(net) is None
    x, y = samples(net, rows=3)
    assert run({"a": numpy_script(net, x, y, steps=0)}, tmp_path)["a"] == [net.loss(x, y)]
    net.parameters["W1"][0, 0] += 1
    needed = weights_needed(net)
    assert needed is not None
    assert list(needed) == ["W1", "b1", "W2", "b2"]
    assert run({"a": numpy_script(net, x, y, steps=0)}, tmp_path)["a"] == [net.loss(x, y)]
    written_text = net.source("numpy", x, y, steps=0, out=tmp_path / "script_0.py")
    assert written_text == (tmp_path / "script_0.py").read_text()
    assert "script_0_weights.npz" in written_text
    assert len(written_text) < len(numpy_script(net, x, y, steps=0)) / 2
    assert {f.name for f in tmp_path.iterdir()} == {"script_0.py", "script_0_weights.npz"}
    assert run({"a": written_text}, tmp_path)["a"] == [net.loss(x, y)]


def test_a_large_array_behind_a_changed_one_cannot_be_drawn() -> None:
    net = written([cg.Dense(2), cg.Dense(400)], 3).network
    assert weights_needed(net) is None
    net.parameters["W1"][...] = 1
    assert weights_needed(net) is not None


def test_many_samples_stand_in_the_script_or_in_a_file(tmp_path: Path) -> None:
    net = written([cg.Dense(3), cg.Softmax()], 4, "CrossEntropy").network
    x, y = samples(net, rows=200)
    needed = data_needed(net, x, y)
    assert needed is not None
    assert set(needed) == {"x", "labels"}
    assert data_needed(net, x[:5], y[:5]) is None
    assert data_needed(net, None, None) is None
    assert run({"a": numpy_script(net, x, y, steps=0)}, tmp_path)["a"] == [net.loss(x, y)]
    text = net.source("numpy", x, y, steps=0, out=tmp_path / "script_0.py")
    assert 'with_name("script_0_data.npz")' in text
    assert run({"a": text}, tmp_path)["a"] == [net.loss(x, y)]


@pytest.mark.parametrize("to", ["numpy", pytest.param("torch", marks=pytest.mark.torch)])
def test_more_than_can_stand_in_a_script_needs_a_file(to: str, tmp_path: Path) -> None:
    if to == "torch":
        pytest.importorskip("torch")
    net = written([cg.Dense(3), cg.Softmax()], 500, "CrossEntropy", "float32").network
    x, y = samples(net, rows=600)
    with pytest.raises(cg.OptionError, match=r'300,\d{3} numbers as text \(x: 300,000\).*out="network.py"'):
        net.source(to, x, y, steps=0)
    odd = tmp_path / "odd 'name\".py"
    net.source(to, x, y, steps=0, out=odd)
    done = subprocess.run([sys.executable, odd], capture_output=True, text=True, check=True, timeout=60)
    np.testing.assert_allclose(float(done.stdout.partition("L = ")[2]), net.loss(x, y), rtol=1e-5)
    with np.load(tmp_path / "odd 'name\"_data.npz") as held:
        assert held["x"].tobytes() == x.astype(np.float32).tobytes()
    with pytest.raises(cg.OptionError, match="cannot be written"):
        net.source(to, x, y, steps=0, out=tmp_path / "nowhere" / "a.py")
    assert not list(tmp_path.glob("*.part"))


def test_an_example_is_drawn_where_no_samples_are_given(tmp_path: Path) -> None:
    nets: dict[str, cg.Network] = {}
    for dtype in ("float64", "float32"):
        for loss, (function, end, outputs) in enumerate(LOSSES.values()):
            nets[f"{loss}_{dtype}"] = written([cg.Dense(outputs), *end], 3, function, dtype).network
            steps = [cg.RNN(2, sequences=True), cg.Dense(outputs), *end]
            nets[f"{loss}_{dtype}_steps"] = written(steps, (2, 3), function, dtype).network
    nets["masked"] = SEQUENCES["attention to another, masked"]().network
    texts = {n: f'{numpy_script(net, steps=0)}np.savez("seen_{n}.npz", x=x, y=y)\n' for n, net in nets.items()}
    for name, losses in run(texts, tmp_path).items():
        with np.load(tmp_path / f"seen_{name}.npz") as seen:
            assert seen["x"].dtype == seen["y"].dtype == nets[name].dtype
            assert losses == [nets[name].loss(seen["x"], seen["y"])], name


def test_ids_of_an_example_are_ids(tmp_path: Path) -> None:
    net = SEQUENCES["ids with a mask"]().network
    text = f'{numpy_script(net, steps=0)}np.savez("seen.npz", x=x, y=y)\n'
    (losses,) = run({"ids": text}, tmp_path).values()
    with np.load(tmp_path / "seen.npz") as seen:
        assert seen["x"].dtype == np.int64
        assert seen["x"][:, :4].max() < 7
        assert (seen["x"][:, 4:] == 1).all()
        assert losses == [net.loss(seen["x"], seen["y"])]


def test_hostile_titles_and_strange_numbers(tmp_path: Path) -> None:
    net = example()
    net.set_parameters(W1=[[-0.0, 1e-300], [1 / 3, 1e22]])
    titles = ['"""', "\\", 'ends with a "', "two\nlines", "é", "\\N{DASH}", "x" * 300]
    texts = {title: numpy_script(net, X, Y, title=title, steps=0) for title in titles}
    assert run(texts, tmp_path) == {title: [net.loss(X, Y)] for title in titles}


@pytest.mark.parametrize("what", ["weights", "data"])
@pytest.mark.parametrize("there", [None, "print('reads nothing')\n"])
def test_a_file_of_somebody_else_is_not_replaced(what: str, there: str | None, tmp_path: Path) -> None:
    """Nobody named the files beside a script: those of the script that it takes the place of go, and no others."""
    net = written([cg.Dense(400), cg.ReLU(), cg.Dense(3), cg.Softmax()], 4, "CrossEntropy").network
    net.parameters["W1"][0, 0] += 1
    x, y = samples(net, rows=200)
    own, script = tmp_path / f"iris_{what}.npz", tmp_path / "iris.py"
    own.write_bytes(b"measured by hand")
    if there is not None:
        script.write_text(there)
    with pytest.raises(cg.OptionError, match=rf"iris_{what}.npz is there, and iris.py would .* another name"):
        net.source("numpy", x, y, out=script)
    assert own.read_bytes() == b"measured by hand"
    assert {f.name: f.stat().st_size for f in tmp_path.iterdir() if f != own} == (
        {script.name: len(there)} if there else {}
    )
    own.unlink()
    net.source("numpy", x, y, out=script)
    net.parameters["W1"][0, 1] += 1
    net.source("numpy", x, y, out=script)
    assert {f.name for f in tmp_path.iterdir()} == {"iris.py", "iris_weights.npz", "iris_data.npz"}


def test_scripts_of_saturated_networks_print_no_warning(tmp_path: Path) -> None:
    net = saturated(cg.Sigmoid(), cg.SquaredError(), -800.0)
    (tmp_path / "s.py").write_text(net.source("numpy", [[1.0]], [[1.0]]))
    done = subprocess.run([sys.executable, "-W", "error", str(tmp_path / "s.py")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
