"""What reviewers found once, so that it stays found."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main
from chalkgrad.formula import Formula


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


X = np.random.default_rng(0).standard_normal((12, 3))
Y = np.arange(12) % 2


def network(**settings: Any) -> cg.Network:
    given = {"input_shape": 3, "loss": "CrossEntropy", "dtype": "float64", **settings}
    return cg.Network(given.pop("layers", [cg.Dense(4), cg.Tanh(), cg.Dense(2), cg.Softmax()]), **given)


QUICK = ["--epochs", "1", "--quiet", "--no-pictures"]


def test_adam_counts_its_own_steps() -> None:
    net = network()
    net.fit(X, Y, epochs=50)
    before = net.flat.copy()
    assert net.trace(X, Y, optimizer="Adam")["t"] == 1
    net.fit(X, Y, optimizer=cg.Adam(0.001), max_steps=1, batch_size=None)
    np.testing.assert_allclose(np.abs(net.flat - before).max(), 0.001, rtol=1e-3)


def test_patience_counts_without_restoring_the_best() -> None:
    net = network()
    history = net.fit(X, Y, optimizer=cg.SGD(0.0), patience=3, validation=(X, Y), restore_best=False, epochs=60)
    assert (len(history), history.stop_reason) == (4, cg.StopReason.PLATEAU)


def test_saving_deletes_nothing_of_the_users(tmp_path: Path) -> None:
    for name in ("weights-of-my-thesis", "weights-0123456789ab"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "chapter.txt").write_text("precious")
    network().save(tmp_path)
    network(seed=1).save(tmp_path)
    assert (tmp_path / "weights-of-my-thesis" / "chapter.txt").exists()
    assert (tmp_path / "weights-0123456789ab" / "chapter.txt").exists()


@pytest.mark.parametrize("pair", [("h", "dh"), ("dh", "h"), ("h", "v_h"), ("h", "g_h"), ("h", "m_h"), ("h", "L_h")])
def test_names_that_would_collide_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(cg.OptionError, match="choose another name"):
        network(layers=[cg.Dense(3, name=pair[0]), cg.Tanh(), cg.Dense(2, name=pair[1]), cg.Softmax()])


@pytest.mark.parametrize("name", ["x", "y", "z1", "W1", "L", "l"])
def test_names_of_values_are_names_of_layers_too(name: str) -> None:
    net = network(layers=[cg.Dense(3, name=name), cg.Tanh(), cg.Dense(2), cg.Softmax()], l2=0.1)
    assert net.check_gradients(X, Y)
    net.fit(X, Y, optimizer=cg.Adam(weight_decay=0.1))


def test_what_the_rounding_hides_is_counted_as_undecided() -> None:
    net = cg.Network([cg.Dense(2)], input_shape=3, loss="SquaredError", dtype="float64")
    check = net.check_gradients(X, np.stack([np.full(12, 1e5), X[:, 0]], axis=1))
    assert sum(v.undecided for v in check.values) > 0
    assert "undecided" in str(check)
    whole = network(layers=[cg.Dense(4), cg.BatchNorm(), cg.Dense(2), cg.Softmax()]).check_gradients(X, Y)
    assert {v.name: v.checked for v in whole.values}["db1"] == 0
    assert "undecided" in str(whole).splitlines()[3]


def test_weights_that_become_infinite_in_the_last_step_are_not_kept() -> None:
    net = network(dtype="float32")
    with pytest.warns(RuntimeWarning, match=r"_new\[.*\(update step of optimizer, SGD\), in step 1"):
        history = net.fit(X * 1e6, Y, optimizer=cg.SGD(1e39), max_steps=1)
    assert history.stop_reason is cg.StopReason.NOT_FINITE
    assert np.isfinite(net.flat).all()


def test_the_step_that_broke_the_weights_is_named() -> None:
    net = cg.Network([cg.Dense(3), cg.Dense(1)], input_shape=3, loss="SquaredError")
    with pytest.warns(RuntimeWarning, match=r"_new\[.*update step of optimizer, SGD\), in step 1 "):
        history = net.fit(X, X[:, :1] * 1e3, optimizer=cg.SGD(1e37), epochs=9, batch_size=None)
    assert history.steps == net.steps_taken == 0


def test_history_is_json_even_when_numbers_are_lost() -> None:
    record = cg.Record(1, 1, float("nan"), 0.1, 0.0, float("inf"))
    assert json.loads(record.to_json())["val_loss"] is None


def test_numpy_numbers_as_settings(tmp_path: Path) -> None:
    layers = [
        cg.Dense(np.int64(3), l2=np.float32(0.5), weights=cg.initializers.Normal(np.float64(0.1))),
        cg.LeakyReLU(np.float64(0.1)), cg.Dropout(np.float64(0.2)), cg.Dense(Y.max() + 1), cg.Softmax(),
    ]  # fmt: skip
    net = cg.Network(layers, input_shape=np.int64(3), loss=cg.CrossEntropy(scale=np.float64(0.5)), seed=np.int64(3))
    net.fit(X, Y, optimizer=cg.SGD(np.float64(0.1), momentum=np.float32(0.5)))
    trace = net.trace(X, Y, optimizer=cg.Adam(np.float64(0.1)))
    assert {v.dtype for n, v in trace.items() if v.ndim} == {np.dtype("float32")}
    net.save(tmp_path / "net")
    assert (cg.load(tmp_path / "net").flat == net.flat).all()


ENDINGS = [
    ([cg.Dense(2)], "CrossEntropy", r"end with Softmax\(\)"),
    ([cg.Dense(1)], "BinaryCrossEntropy", r"end with Sigmoid\(\)"),
    ([cg.Dense(2), cg.Softmax()], cg.CrossEntropy(from_logits=True), r"leave out Softmax\(\)"),
    ([cg.Dense(2), cg.Softmax()], cg.CrossEntropy(fuse=False, clip=1e-12), "too small for float32"),
    ([cg.Dense(2), cg.Softmax()], cg.CrossEntropy(fuse=False, clip=0.0), "too small"),
]


@pytest.mark.parametrize(("layers", "loss", "message"), ENDINGS)
def test_a_loss_that_does_not_fit_the_last_layer(layers: list[Any], loss: Any, message: str) -> None:
    with pytest.raises(cg.OptionError, match=message):
        cg.Network(layers, input_shape=3, loss=loss)


def test_accuracy_of_many_yes_or_nos_and_of_class_numbers() -> None:
    many = cg.Network([cg.Dense(3), cg.Sigmoid()], input_shape=3, loss="BinaryCrossEntropy", dtype="float64")
    truth = np.array([[1, 1, 0], [0, 0, 0], [1, 1, 1.0]])
    many.set_parameters(W1=np.eye(3) * 50, b1=[-25] * 3)
    assert many.evaluate(truth, truth).accuracy == 1
    squared = cg.Network([cg.Dense(2)], input_shape=3, loss="SquaredError")
    assert squared.evaluate(X, Y).accuracy is not None
    assert squared.evaluate(X, np.eye(2)[Y]).accuracy is None


def test_the_lowest_validation_loss_is_restored_whatever_counts_as_improvement() -> None:
    net = network()
    history = net.fit(X, Y, optimizer=cg.SGD(0.05), epochs=30, min_improvement=10.0, validation=(X, Y))
    assert net.evaluate(X, Y).loss == pytest.approx(min(history.column("val_loss")), rel=1e-12)


def test_a_summed_loss_counts_the_penalty_once() -> None:
    net = network(loss=cg.CrossEntropy(reduction="sum"), l2=0.1)
    history = net.fit(X, Y, optimizer=cg.SGD(0.0), batch_size=2)
    assert history.column("loss")[0] == pytest.approx(net.loss(X, Y), rel=1e-9)


def test_other_stops_are_not_cut_short_by_one_epoch() -> None:
    assert network().fit(X, Y, max_steps=100).steps == 100
    assert len(network().fit(X, Y, patience=5, optimizer=cg.SGD(0.0))) == 6
    assert len(network().fit(X, Y)) == 1
    short = network().fit(X, Y, epochs=3, max_steps=1000, schedule="Cosine")
    assert short.column("learning_rate")[-1] < 1e-6


def test_one_fit_of_three_epochs_is_three_fits_of_one() -> None:
    one, three = network(), network()
    one.fit(X, Y, epochs=3, batch_size=5)
    for _ in range(3):
        three.fit(X, Y, epochs=1, batch_size=5)
    assert (one.flat == three.flat).all()


def test_help_values_of_the_backward_pass_have_their_layers_number() -> None:
    net = network(layers=[cg.Dense(3), cg.Softmax(), cg.Dense(4), cg.Tanh(), cg.Dense(2), cg.Softmax()])
    assert "c1" in net.trace(X, Y)
    assert net.check_gradients(X, Y)


def test_rows_that_nearly_sum_to_one_pass_their_own_check() -> None:
    rows = np.full((12, 2), 0.50004)
    assert network().check_gradients(X, rows)


def test_one_left_over_sample_does_not_shrink_the_running_variance() -> None:
    net = network(layers=[cg.BatchNorm(), cg.Dense(2), cg.Softmax()])
    before = net.states["running_var1"].copy()
    net.fit(X[:1], Y[:1])
    assert (net.states["running_var1"] == before).all()


def test_the_views_cannot_be_replaced() -> None:
    net = network()
    with pytest.raises(TypeError):
        net.parameters["b1"] = np.ones(4)  # type: ignore[index]


def test_lost_weights_are_not_saved_over_good_ones(tmp_path: Path) -> None:
    net = network()
    net.save(tmp_path)
    good = net.flat.copy()
    net.flat[0] = np.nan
    with pytest.raises(cg.CheckpointError, match="W1 holds NaN"):
        net.save(tmp_path)
    assert (cg.load(tmp_path).flat == good).all()


def test_two_absent_operands() -> None:
    formula = Formula("z[i] = x[i] + b[i] + c[i]").without("b").without("c")
    assert formula.evaluate({"x": np.ones(2)}, {}, (2,)).tolist() == [1, 1]
    assert Formula("z[i] = b[i] + x[i]").evaluate({"x": np.ones(2), "b": None}, {}, (2,)).tolist() == [1, 1]


ODD_SETTINGS = [
    lambda: cg.MaxPool2D(2, stride=0),
    lambda: cg.SGD(0.1, nesterov=True),
    lambda: cg.Adam(eps=0),
    lambda: cg.Dense(2, weights=5),  # type: ignore[arg-type]
    lambda: cg.Dense(2, weights="uniform(-1)"),
    lambda: cg.Dense(2, weights="normal(1e308)"),
    lambda: cg.initializers.Normal(float("nan")),
    lambda: cg.SquaredError(scale=np.ones(3)),  # type: ignore[arg-type]
    lambda: cg.SGD(10**400),
    lambda: network(dtype="f4,("),
    lambda: network(dtype=None),
    lambda: network(layers=[cg.Dense(10**12), cg.Dense(2), cg.Softmax()]),
    lambda: network().fit(X, Y, callbacks=[cg.Callback]),  # type: ignore[list-item]
    lambda: network().fit(X, Y, schedule=cg.Cosine),  # type: ignore[arg-type]
    lambda: network().trace(X, Y, optimizer=5),  # type: ignore[arg-type]
    lambda: network().check_gradients(X, Y, samples=0),
    lambda: network().check_gradients(X, Y, tolerance="a"),  # type: ignore[arg-type]
    lambda: network().predict([[1, 2, 3], [1]]),
    lambda: network(dtype="float32").predict([[1e300, 0, 0]]),
    lambda: network().trace(X, Y)[5],  # type: ignore[index]
    lambda: network().freeze(["W1"]),  # type: ignore[arg-type]
    lambda: network().set_parameters([1]),  # type: ignore[arg-type]
    lambda: network().set_parameters(W1=np.ones((3, 4)) * 1j),
    lambda: network(layers=[cg.BatchNorm(), cg.Dense(2), cg.Softmax()]).set_parameters(running_var1=[-1, 1, 1]),
    lambda: cg.data.spiral_data(seed=-1),
    lambda: cg.load("a" * 300),
    lambda: cg.load("a\0b"),
]


@pytest.mark.parametrize("number", range(len(ODD_SETTINGS)))
def test_odd_settings_get_an_error_of_chalkgrads_own(number: int) -> None:
    with pytest.raises(cg.ChalkgradError) as caught:
        ODD_SETTINGS[number]()
    assert "\n" not in str(caught.value)


def test_a_decay_above_one_overflows_into_a_stop() -> None:
    with pytest.warns(RuntimeWarning, match="training stopped"):
        network().fit(X, Y, schedule=cg.Exponential(decay=1e300), epochs=400)


HEADERS = [
    ("|V0", "(0,)"),
    ("<U0", "(0,)"),
    ("<f4", "(True, 2)"),
    ("<f4", f"(0, {2**70})"),
    ("|O", "(1,)"),
    ("<f4", "(9,)"),
]


@pytest.mark.parametrize(("kind", "shape"), HEADERS)
def test_crafted_npy_headers(kind: str, shape: str) -> None:
    from chalkgrad.files.npy import read_npy

    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + bytes(8)
    with pytest.raises(cg.DataError):
        read_npy(io.BytesIO(content), "file", len(content))


def test_an_idx_of_no_values_and_huge_sizes(tmp_path: Path) -> None:
    (tmp_path / "z").write_bytes(b"\0\0\x08\x04" + struct.pack(">4I", 0, 2**32 - 1, 2**32 - 1, 2**32 - 1))
    with pytest.raises(cg.DataError, match="no array can have"):
        cg.data.read_idx(tmp_path / "z")


def csv(name: str, text: str) -> str:
    Path(name).write_text(text)
    return name


def test_a_missing_number_does_not_make_classes_of_numbers() -> None:
    rows = [f"{i},{'' if i == 3 else i + 0.5}\n" for i in range(20)]
    with pytest.raises(cg.DataError, match="line 5, column y: the target '' is no finite number"):
        cg.data.read_csv(csv("n.csv", "a,y\n" + "".join(rows)))


def test_a_target_by_number_keeps_the_first_sample() -> None:
    data = cg.data.read_csv(csv("t.csv", "1,2,5\n3,4,6\n2,3,5\n1,3,6\n5,3,6\n2,2,5\n9,9,5\n8,3,6\n"), target=2)
    assert len(data.x_train) + len(data.x_test) == 8


GOOD = "a,b,y\n" + "".join(f"{i * 0.1:.2f},{i * 7 % 5},{'pqr'[i % 3]}\n" for i in range(30))


def test_the_command_line_keeps_its_promise_on_odd_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = csv("good.csv", GOOD)
    csv("u20.toml", 'loss="CrossEntropy"\n[[layers]]\ntype="Dense"\nunits=20\n[[layers]]\ntype="Softmax"\n')
    x, y = np.ones((20, 4)), np.arange(20) % 2
    np.savez("d.npz", x_train=x, y_train=y, x_test=x[:, :3], y_test=y)
    before = sorted(p.name for p in tmp_path.iterdir())
    for argv in (
        ["train", good, "--network", "u20.toml"],
        ["train", "d.npz"],
        ["train", good, "--dtype", "f4,("],
        ["train", good, "--target", "9" * 5000],
        ["train", "a\nb.csv"],
        ["train", "mnist", "--data", "a" * 300],
        ["test", "a" * 300],
        ["train", csv("one.csv", "a,y\n" + "1,p\n" * 9)],
    ):
        assert main([*argv, *(QUICK if argv[0] == "train" else [])]) == 2, argv
        error = capsys.readouterr().err
        assert error.count("\n") == 1, argv
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*before, "one.csv"])


@pytest.mark.parametrize("loss", ["SquaredError", "AbsoluteError", "Hinge", "BinaryCrossEntropy", "CrossEntropy"])
def test_every_loss_on_classes_from_the_command_line(loss: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "digits", "--loss", loss, *QUICK, "--out", "r"]) == 0
    assert main(["test", "r", "--no-pictures"]) == 0
    assert "most confused" in capsys.readouterr().out


def test_class_names_that_look_like_mathematics_or_chinese(tmp_path: Path) -> None:
    names = ["$a^$", "\u4e2d\u6587", "x" * 500]
    rows = "".join(f"{i},{i * 7 % 5},{names[i % 3]}\n" for i in range(30))
    assert main(["train", csv("m.csv", "a,b,y\n" + rows), "--epochs", "1", "--quiet", "--out", "r"]) == 0
    assert (tmp_path / "r" / "confusion_matrix.png").exists()


def test_damaged_run_descriptions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", csv("good.csv", GOOD), *QUICK, "--out", "r"]) == 0
    capsys.readouterr()
    run = Path("r/run.toml").read_text()
    for change in ('seed = "a"', "seed = -1", "target = 5", "directory = 5", "seed = " + "9" * 5000):
        Path("r/run.toml").write_text(run.replace("seed = 0", change, 1))
        assert main(["test", "r"]) == 2
        assert capsys.readouterr().err.count("\n") == 1
