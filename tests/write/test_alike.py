"""The three scripts of a network print the same losses, each alone in an empty directory; the C program refuses what it
cannot read."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from write.sequences import DROPPED, SEQUENCES, random_sequence
from write.test_numpy_script import random_network
from write.written import Written, run, samples, written

COMPILERS = [c for c in ("gcc", "clang") if shutil.which(c)]
needs_compiler = pytest.mark.skipif(not COMPILERS, reason="there is no C compiler")
STRICT = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"]


def compiled(text: str, place: Path, *flags: str, cc: str | None = None) -> Path:
    """The C program, compiled without a warning."""
    (place / "net.c").write_text(text)
    command = [cc or COMPILERS[0], *STRICT, *flags, "net.c", "-o", "net", "-lm"]
    subprocess.run(command, cwd=place, check=True, timeout=120)
    return place / "net"


def sanitized(text: str, place: Path) -> Path:
    """The C program that stops where it reads, writes or computes what it may not; plain without a sanitizer."""
    try:
        return compiled(text, place, "-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    except subprocess.CalledProcessError:
        return compiled(text, place, "-O1")


def losses_of(command: list[Any], place: Path) -> list[float]:
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    return [float(line.partition("L = ")[2]) for line in done.stdout.splitlines()]


@cache
def larger(seed: int) -> Written:
    """A random network; in every third one changed weights, in every fourth samples, too many to be written out."""
    made = random_network(seed)
    if seed % 3 == 0:
        net = made.network
        # without a bias: normalisation takes it out again, and Adam would divide its gradient's rounding by itself
        layers = [cg.Flatten(), cg.Dense(120, bias=False), cg.BatchNorm(), *net.layers[-3:]]
        layers = [v for v in layers if not isinstance(v, (cg.Conv2D, cg.MaxPool2D, cg.AvgPool2D))]
        settings = {"loss": net.loss_function, "dtype": net.dtype, "seed": seed, "l1": net.l1, "l2": net.l2}
        made.network = cg.Network(layers, input_shape=net.input_shape, **settings)
        made.network.flat *= 1.01
    if seed % 4 == 0:
        made.x, made.y = samples(made.network, seed, 150)
    return made


def source(made: Written, to: str) -> str:
    return made.network.source(to, made.x, made.y, optimizer=made.optimizer, steps=made.steps)


def same(found: list[float], made: Written, what: str) -> None:
    tolerance = 1e-7 if made.network.dtype == np.float64 else 2e-4  # Adam divides by what is near 0
    np.testing.assert_allclose(found, made.losses(), rtol=tolerance, err_msg=what)


SEEDS = [range(1), pytest.param(range(1, 16), marks=pytest.mark.long)]


@pytest.mark.parametrize("seeds", SEEDS)
def test_random_networks_print_the_same_losses_in_numpy_and_c(seeds: range, tmp_path: Path) -> None:
    for seed in seeds:
        made = larger(seed)
        for to in ("numpy", "c") if COMPILERS else ("numpy",):
            place = tmp_path / f"{seed} {to}"
            place.mkdir()
            text = source(made, to)
            if to == "c":
                same(losses_of([sanitized(text, place)], place), made, f"{seed} {to}")
            else:
                (place / "net.py").write_text(text)
                same(losses_of([sys.executable, "-I", "net.py"], place), made, f"{seed} {to}")


@pytest.mark.torch
@pytest.mark.parametrize("seeds", SEEDS)
def test_random_networks_print_the_same_losses_in_pytorch(seeds: range, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    for seed, found in run({seed: source(larger(seed), "torch") for seed in seeds}, tmp_path).items():
        if any(isinstance(v, cg.Dropout) for v in larger(seed).network.layers):  # its masks are others
            assert len(found) == len(larger(seed).losses())
        else:
            same(found, larger(seed), str(seed))


C_SEQUENCES = ("GRU", "a small GPT", "ids with a mask", "the mean over the ids that count, in float32")
"""Sequences whose C program is tried in the short tests."""
EVERY_SEQUENCE = {**SEQUENCES, **{f"random {seed}": partial(random_sequence, seed) for seed in range(12)}}


@pytest.mark.skipif(not COMPILERS, reason="there is no C compiler")
@pytest.mark.parametrize(
    "name", [n if n in C_SEQUENCES else pytest.param(n, marks=pytest.mark.long) for n in EVERY_SEQUENCE]
)
def test_sequences_print_the_same_losses_in_c(name: str, tmp_path: Path) -> None:
    made = EVERY_SEQUENCE[name]()
    same(losses_of([compiled(source(made, "c"), tmp_path, "-O1")], tmp_path), made, name)


@pytest.mark.parametrize("name", DROPPED)
def test_sequences_with_dropout_print_the_same_losses(name: str, tmp_path: Path) -> None:
    """Those of training, and at the end that of prediction: nothing of a loop may be taken from the other pass."""
    made = DROPPED[name]()
    for to in ("numpy", "c") if COMPILERS else ("numpy",):
        command: list[Any] = [sys.executable, "-I", "net.py"]
        if to == "c":
            command = [compiled(source(made, to), tmp_path, "-O1")]
        else:
            (tmp_path / "net.py").write_text(source(made, to))
        same(losses_of(command, tmp_path), made, f"{name} {to}")


def _frozen(net: cg.Network) -> cg.Network:
    net.freeze(*net.parameters)
    return net


NOTHING_TO_TRAIN = {
    "no parameters": lambda: cg.Network([cg.Sum()], input_shape=4, loss="SquaredError"),
    "all frozen": lambda: _frozen(
        cg.Network([cg.Dense(3), cg.Dropout(0.4)], input_shape=4, loss="SquaredError", l2=0.1)
    ),
    "running averages alone": lambda: cg.Network([cg.BatchNorm(affine=False)], input_shape=4, loss="SquaredError"),
    "all but running averages frozen": lambda: _frozen(
        cg.Network([cg.Dense(3), cg.BatchNorm()], input_shape=4, loss="SquaredError")
    ),
}


@pytest.fixture(scope="module")
def nothing_to_train() -> dict[str, Written]:
    networks = {name: make() for name, make in NOTHING_TO_TRAIN.items()}
    return {name: Written(net, *samples(net), steps=2) for name, net in networks.items()}


def printed(made: Written) -> list[float]:
    return made.losses() if made.network.states else made.losses()[-1:]


@pytest.mark.parametrize("to", ["numpy", pytest.param("torch", marks=pytest.mark.torch)])
def test_networks_with_nothing_to_train(to: str, nothing_to_train: dict[str, Written], tmp_path: Path) -> None:
    if to == "torch":
        pytest.importorskip("torch")
    for name, found in run({name: source(made, to) for name, made in nothing_to_train.items()}, tmp_path).items():
        np.testing.assert_allclose(found, printed(nothing_to_train[name]), rtol=1e-5, err_msg=name)


@needs_compiler
@pytest.mark.parametrize("name", NOTHING_TO_TRAIN)
def test_a_network_with_nothing_to_train_in_c(name: str, nothing_to_train: dict[str, Written], tmp_path: Path) -> None:
    made = nothing_to_train[name]
    np.testing.assert_allclose(losses_of([sanitized(source(made, "c"), tmp_path)], tmp_path), printed(made), rtol=1e-5)
    if not made.network.states:
        with pytest.raises(cg.OptionError, match="nothing to train: give x and y"):
            made.network.source("c", steps=2)


@needs_compiler
def test_of_many_steps_all_scripts_print_the_same_ones(tmp_path: Path) -> None:
    made = written([cg.Dense(3), cg.BatchNorm(), cg.Dense(2)], 4, optimizer=cg.SGD(0.01))
    (tmp_path / "net.py").write_text(made.network.source("numpy", made.x, made.y, steps=250))
    found = losses_of([sys.executable, "net.py"], tmp_path)
    assert len(found) == 4  # steps 0, 100, 200, and the prediction behind them
    program = compiled(made.network.source("c", made.x, made.y, steps=250), tmp_path)
    np.testing.assert_allclose(losses_of([program], tmp_path), found, rtol=1e-9)


# -- what the C program reads ------------------------------------------------------------------------------------


def answer(program: Path, given: str | bytes) -> tuple[int, str, str]:
    raw = given.encode() if isinstance(given, str) else given
    done = subprocess.run([program], input=raw, capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture(scope="module")
def predicting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    net = cg.Network([cg.Dense(2)], input_shape=3, loss="SquaredError")
    net.set_parameters(W1=[[1, 0], [0, 1], [0, 0]])
    return sanitized(net.source("c", steps=0), tmp_path_factory.mktemp("predicting"))


@needs_compiler
@pytest.mark.parametrize(
    "given",
    ["1 2 3\n4 5 6\n", "1 2 3\n4 5 6", "1,2,3\r\n4, 5 ,6\r\n", "\n\n 1\t2  3 \n  \n4 5 6\n\n", "1 2 3\r4 5 6\r",
     "\ufeff1 2 3\n+4 5.0 6e0\n", "1 2 3e-60\n" + "4" + ".0" * 1 + "0" * 200 + " 5 6"],
)  # fmt: skip
def test_what_the_c_program_reads(predicting: Path, given: str) -> None:
    assert answer(predicting, given) == (0, "1 2\n4 5\n", "")


@needs_compiler
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "there are no samples; a line holds one sample's 3 numbers"),
        ("\n \n\r\n", "there are no samples"),
        ("1 2 3\n4 5\n", "line 2: 2 numbers; a line holds one sample's 3 numbers"),
        ("1 2\n3\n", "line 1: 2 numbers"),
        ("1 2 3 4\n", "line 1: 4 numbers"),
        ("1 " * 100_000, "line 1: 100000 numbers"),
        ("a b c\n1 2 3\n", "line 1, column 1: a is no number"),
        ("1 2 3\n\n1 n/a 3\n", "line 3, column 3: n/a is no number"),
        ("1 nan 3", "line 1, column 3: nan is no number"),
        ("1 2 -inf", "column 5: -inf is no number"),
        ("0x10 2 3", "column 1: 0x10 is no number"),
        ("1_0 2 3", "1_0 is no number"),
        ("1 1e39 3", "column 3: 1e39 is too large a number"),
        ("1 2 3,", "there is no number behind the last comma"),
        ("1,,3", "column 3: there is no number before this comma"),
        (",1,2,3", "column 1: there is no number before this comma"),
        ("1;2;3", "column 1: 1;2;3 is no number"),
        ("1 2 - ", "column 5: - is no number"),
        ("1" * 500 + " 2 3", "... is too long for a number"),
        (b"1 \x00 3\n", "line 1, column 3: \\x00 is no number"),
        ("1 \x1b[2J 3\n", "line 1, column 3: \\x1b[2J is no number"),
    ],
    ids=lambda value: repr(value)[:40],  # pytest puts them into the environment
)
def test_what_the_c_program_refuses(predicting: Path, given: str | bytes, said: str) -> None:
    code, out, err = answer(predicting, given)
    assert code == 2
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
    assert len(err) < 200


@needs_compiler
def test_more_samples_than_were_ever_foreseen(predicting: Path) -> None:
    code, out, err = answer(predicting, "".join(f"{k} {k + 1} 0\n" for k in range(70_000)))
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "69999 70000"


@needs_compiler
def test_output_that_does_not_arrive_is_an_error(predicting: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with open("/dev/full", "w") as full:
        done = subprocess.run([predicting], input=b"1 2 3\n", stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 1
    assert b"standard output" in done.stderr


TARGETS = {
    "CrossEntropy": (cg.CrossEntropy(from_logits=True), 2, "0 1", ["3 7", "-1 2", "0 0"]),
    "BinaryCrossEntropy": (cg.BinaryCrossEntropy(from_logits=True), 1, "0.5", ["-0.1", "2"]),
    "Hinge": (cg.Hinge(), 1, "0", ["2", "0.5"]),
    "Hinge of classes": (cg.Hinge(), 2, "0 1", ["1 1", "0 0", "0.5 0.5"]),
    "SquaredError": (cg.SquaredError(), 2, "3 7", ["3", "3 7 9"]),
}


@needs_compiler
@pytest.mark.parametrize("name", TARGETS)
def test_targets_that_the_c_program_reads_are_those_of_the_network(name: str, tmp_path: Path) -> None:
    loss, outputs, right, wrong = TARGETS[name]
    net = cg.Network([cg.Dense(outputs)], input_shape=2, loss=loss, dtype="float64")
    program = sanitized(net.source("c", steps=1), tmp_path)
    code, out, err = answer(program, f"1 2 {right}\n")
    assert (code, err) == (0, "")
    y = np.array([[float(v) for v in right.split()]])
    np.testing.assert_allclose(float(out.splitlines()[0].partition("L = ")[2]), net.loss([[1.0, 2.0]], y), rtol=1e-12)
    for targets in wrong:
        code, out, err = answer(program, f"1 2 {right}\n1 2 {targets}\n")
        assert (code, out) == (2, ""), targets
        assert err.startswith("line 2: "), err


@pytest.mark.parametrize("cc", COMPILERS)
@pytest.mark.parametrize("steps", [0, pytest.param(2, marks=pytest.mark.long)])
@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.long)])
def test_the_c_programs_compile_without_a_warning(cc: str, steps: int, dtype: str, tmp_path: Path) -> None:
    layers = [cg.Conv2D(8, 3), cg.GELU(), cg.BatchNorm(), cg.MaxPool2D(2), cg.Flatten(), cg.Dropout(), cg.Dense(3)]
    net = cg.Network(layers, input_shape=(1, 8, 8), loss=cg.CrossEntropy(from_logits=True), dtype=dtype)
    compiled(net.source("c", steps=steps), tmp_path, "-O2", cc=cc)
    compiled(net.source("c", *samples(net), optimizer="Adam", steps=steps), tmp_path, "-fopenmp-simd", cc=cc)


def test_a_batch_of_one_value_is_refused_for_pytorch() -> None:
    net = cg.Network([cg.Dense(2), cg.BatchNorm()], input_shape=1, loss="SquaredError")
    with pytest.raises(cg.OptionError, match="two samples or more"):
        net.source("torch", [[1.0]], [[0.0, 1.0]])
