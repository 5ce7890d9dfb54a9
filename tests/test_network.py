from __future__ import annotations

import copy
import dataclasses
import inspect
import io
import pickle
import re
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.describe import foreign
from chalkgrad.describe.layers import LAYERS
from chalkgrad.describe.losses import LOSSES
from chalkgrad.describe.optimizers import OPTIMIZERS
from chalkgrad.describe.settings import from_table
from networks import CLASSES, SAMPLES, X, Y, classifier, example


def test_the_program_reads_as_the_textbook() -> None:
    lines = [str(s) for s in example().program]
    assert lines == [
        "z1 = dense(x, W1, b1)",
        "a1 = sigmoid(z1)",
        "z2 = dense(a1, W2, b2)",
        "y_hat = sigmoid(z2)",
        "l = squared_error(y_hat, y)",
        "L = mean_loss(l)",
        "dl = mean_loss_dl(l)",
        "dy_hat = squared_error_dy_hat(dl, y_hat, y)",
        "dz2 = sigmoid_dz(dy_hat, y_hat)",
        "dW2 = dense_dW(a1, dz2)",
        "db2 = dense_db(dz2)",
        "da1 = dense_dx(dz2, W2)",
        "dz1 = sigmoid_dz(da1, a1)",
        "dW1 = dense_dW(x, dz1)",
        "db1 = dense_db(dz1)",
        "dx = dense_dx(dz1, W1)",
    ]


def test_only_the_steps_that_are_needed_run() -> None:
    program = example().program
    assert [s.output for s in program.needed_for(["y_hat"])] == ["z1", "a1", "z2", "y_hat"]
    assert "dx" not in [s.output for s in program.needed_for(["dW1", "db1", "dW2", "db2"])]


def test_parameters_are_views_of_one_flat_buffer() -> None:
    net = example()
    assert net.flat.flags.c_contiguous
    assert net.flat.size == 12
    for view in net.parameters.values():
        assert np.shares_memory(view, net.flat)
    net.flat[0] = 7
    assert net.parameters["W1"][0, 0] == 7
    gradients = net.gradients(X, Y)
    bases = {id(g.base) for g in gradients.values()}
    assert len(bases) == 1
    assert {n: g.shape for n, g in gradients.items()} == {n: p.shape for n, p in net.parameters.items()}


def test_names_of_layers_replace_numbers() -> None:
    net = cg.Network(
        [cg.Dense(3, name="hidden"), cg.Tanh(), cg.Dense(2)], input_shape=2, loss="SquaredError", dtype="float64"
    )
    assert list(net.parameters) == ["hidden.W", "hidden.b", "W2", "b2"]
    trace = net.trace([[1, 2]], [[0, 0]])
    assert {"hidden.z", "hidden.a", "dhidden.z", "dhidden.W", "y_hat", "dy_hat"} <= set(trace)
    net.set_parameters({"hidden.W": np.ones((2, 3))})
    assert (net.parameters["hidden.W"] == 1).all()


def test_trace_keeps_every_value_read_only_with_its_other_names() -> None:
    net = example()
    trace = net.trace(X, Y, optimizer=cg.SGD(0.5))
    assert trace["L"] == net.loss(X, Y)
    assert trace["a2"] is trace["y_hat"]
    assert "a2" in trace
    assert "nothing" not in trace
    np.testing.assert_allclose(trace["W1_new"], net.parameters["W1"] - 0.5 * trace["dW1"])
    with pytest.raises(ValueError, match="read-only"):
        trace["z1"][0, 0] = 1
    with pytest.raises(cg.UnknownNameError, match="did you mean 'dW1'"):
        trace["dw1"]
    assert "dW1" in str(trace)
    assert net.steps_taken == 0


def test_class_numbers_and_one_hot_rows_are_the_same() -> None:
    net = cg.Network([cg.Dense(3), cg.Softmax()], input_shape=4, loss="CrossEntropy", dtype="float64")
    x = np.random.default_rng(0).standard_normal((5, 4))
    y = np.array([0, 2, 1, 1, 0])
    assert net.loss(x, y) == net.loss(x, np.eye(3)[y])


def test_fused_expanded_and_logits_give_the_same_loss_and_gradients() -> None:
    x = np.random.default_rng(0).standard_normal((5, 4))
    y = np.array([0, 2, 1, 1, 0])
    nets = [
        cg.Network([cg.Dense(3), cg.Softmax()], input_shape=4, loss=cg.CrossEntropy(), dtype="float64"),
        cg.Network([cg.Dense(3), cg.Softmax()], input_shape=4, loss=cg.CrossEntropy(fuse=False), dtype="float64"),
        cg.Network([cg.Dense(3)], input_shape=4, loss=cg.CrossEntropy(from_logits=True), dtype="float64"),
    ]
    for net in nets[1:]:
        assert net.loss(x, y) == pytest.approx(nets[0].loss(x, y), rel=1e-12)
        for name, gradient in net.gradients(x, y).items():
            np.testing.assert_allclose(gradient, nets[0].gradients(x, y)[name], rtol=1e-9)
    assert "dy_hat" in nets[1].trace(x, y)
    assert "dy_hat" not in nets[0].trace(x, y)


def test_reduction_and_scale() -> None:
    x, y = np.random.default_rng(0).standard_normal((6, 2)), np.zeros((6, 2))
    losses = {}
    for reduction in ("mean", "sum"):
        for scale in (1.0, 0.5, "mean"):
            net = example(loss=cg.SquaredError(scale=scale, reduction=reduction))
            losses[reduction, scale] = net.loss(x, y)
            assert net.check_gradients(x, y)
    whole = losses["sum", 1.0]
    assert losses["mean", 1.0] == pytest.approx(whole / 6)
    assert losses["sum", 0.5] == pytest.approx(whole / 2)
    assert losses["mean", "mean"] == pytest.approx(whole / 12)


def test_penalties_are_part_of_the_loss() -> None:
    plain, net = example(), example(l1=0.01, l2=0.1)
    W1, W2 = net.parameters["W1"], net.parameters["W2"]
    expected = sum(0.01 * np.abs(W).sum() + 0.1 * (W**2).sum() for W in (W1, W2))
    assert net.loss(X, Y) - plain.loss(X, Y) == pytest.approx(expected)
    assert net.evaluate(X, Y).loss == pytest.approx(net.loss(X, Y), rel=1e-12)
    np.testing.assert_allclose(net.gradients(X, Y)["W1"], plain.gradients(X, Y)["W1"] + 0.01 * np.sign(W1) + 0.2 * W1)
    np.testing.assert_array_equal(net.gradients(X, Y)["b1"], plain.gradients(X, Y)["b1"])
    own = cg.Network([cg.Dense(2, l2=0.5), cg.Dense(1)], input_shape=2, loss="SquaredError", dtype="float64")
    assert "dW1_data" in own.trace(X, [[1.0]])
    assert "dW2_data" not in own.trace(X, [[1.0]])


def test_frozen_parameters_stay_and_keep_their_gradients() -> None:
    net = example()
    net.freeze("b1", "b2")
    before = net.flat.copy()
    net.fit(X, Y, optimizer=cg.SGD(0.5), batch_size=None)
    moved = {
        n: not np.array_equal(a, b)
        for (n, a), b in zip(net.parameters.items(), net.views(before).values(), strict=True)
    }
    assert moved == {"W1": True, "b1": False, "W2": True, "b2": False}
    assert np.abs(net.gradients(X, Y)["b1"]).min() > 0
    net.unfreeze()
    assert net.frozen == ()


def test_predict_goes_through_many_samples_and_none() -> None:
    net = example(dtype="float32")
    x = np.random.default_rng(0).standard_normal((2500, 2)).astype(np.float32)
    assert net.predict(x).shape == (2500, 2)
    np.testing.assert_allclose(net.predict(x)[2000:2001], net.predict(x[2000:2001]), rtol=1e-5)
    assert net.predict(np.zeros((0, 2))).shape == (0, 2)


def test_same_seed_same_weights() -> None:
    def make(seed: int) -> cg.Network:
        return cg.Network([cg.Dense(5), cg.ReLU(), cg.Dense(2)], input_shape=3, loss="SquaredError", seed=seed)

    assert (make(1).flat == make(1).flat).all()
    assert (make(1).flat != make(2).flat).any()


def test_summary_is_a_table() -> None:
    net = cg.Network(
        [cg.Conv2D(4, 3, padding="same"), cg.ReLU(), cg.MaxPool2D(2), cg.Flatten(), cg.Dense(10), cg.Softmax()],
        input_shape=(1, 8, 8),
        loss="CrossEntropy",
    )
    text = net.summary()
    assert "layer 1, Conv2D" in text
    assert "N x 4 x 8 x 8" in text
    assert "40 (W1 4x1x3x3, b1 4)" in text
    assert "690 parameters" in text


IMAGE = {"input_shape": (1, 28, 28), "loss": "CrossEntropy"}
MISFITS = [
    (
        lambda: cg.Network([cg.Dense(10), cg.Softmax()], **IMAGE),
        cg.ShapeError,
        r"layer 1, Dense: .*put a Flatten\(\) layer before it.*fixed by input_shape=\(1, 28, 28\)",
    ),
    (
        lambda: cg.Network([cg.Flatten(), cg.Conv2D(3, 3)], **IMAGE),
        cg.ShapeError,
        r"layer 2, Conv2D: .*takes images.*\(N, 784\) comes in.*fixed by layer 1, Flatten",
    ),
    (
        lambda: cg.Network([cg.Conv2D(3, 31)], **IMAGE),
        cg.ShapeError,
        r"31 x 31 window does not fit into the 28 x 28",
    ),
    (
        lambda: cg.Network([cg.Flatten(), cg.Dense(1)], **IMAGE),
        cg.ShapeError,
        r"at least two classes.*BinaryCrossEntropy",
    ),
    (lambda: cg.Network([cg.Dense], input_shape=2, loss="SquaredError"), cg.OptionError, r"write Dense\(\.\.\.\)"),
    (lambda: cg.Network([], input_shape=2, loss="SquaredError"), cg.OptionError, "no layer"),
    (lambda: cg.Network([cg.Dense(2)], input_shape=2, loss="CrosEntropy"), cg.UnknownNameError, "'CrossEntropy'"),
    (lambda: cg.Network([cg.Dense(2)], input_shape=0, loss="SquaredError"), cg.OptionError, "input_shape"),
    (
        lambda: cg.Network([cg.Dense(2)], input_shape=2, loss="SquaredError", dtype="float16"),
        cg.OptionError,
        "float32",
    ),
    (lambda: cg.Network([cg.Dense(2)], input_shape=2, loss="SquaredError", seed=-1), cg.OptionError, "seed"),
    (lambda: cg.Dense(0), cg.OptionError, "Dense: units"),
    (lambda: cg.Dense(2.5), cg.OptionError, "Dense: units"),
    (lambda: cg.Dense(2, weights="hee"), cg.UnknownNameError, "did you mean 'he'"),
    (lambda: cg.Conv2D(2, 3, padding="some"), cg.OptionError, "'same' or 'valid'"),
    (lambda: cg.Conv2D(2, (3, 3, 3)), cg.OptionError, "one whole number or two"),
    (lambda: cg.MaxPool2D(2, padding=2), cg.OptionError, "more than half the window"),
    (lambda: cg.Dropout(1.0), cg.OptionError, "below 1"),
    (lambda: cg.Dense(2, name="a b"), cg.OptionError, "letters"),
    (
        lambda: cg.Network([cg.Dense(2, name="a"), cg.Dense(2, name="A")], input_shape=2, loss="SquaredError"),
        cg.OptionError,
        "is taken",
    ),
    (lambda: cg.SGD(-1), cg.OptionError, "learning_rate"),
    (lambda: cg.Adam(beta1=1.0), cg.OptionError, "beta1"),
    (lambda: cg.CrossEntropy(reduction="avg"), cg.OptionError, "'mean' or 'sum'"),
]


@pytest.mark.parametrize(("make", "error", "message"), MISFITS)
def test_what_does_not_fit_is_found_when_it_is_built(make: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        make()  # type: ignore[operator]
    assert isinstance(caught.value, cg.ChalkgradError)
    assert "\n" not in str(caught.value)


CALLS = [
    (lambda n: n.predict([0.1, 0.2]), cg.ShapeError, r"for a single sample use x\[None\]"),
    (
        lambda n: n.predict(np.zeros((3, 5))),
        cg.ShapeError,
        r"x has shape \(3, 5\), but layer 1, Dense takes \(N, 2\)",
    ),
    (lambda n: n.predict(np.zeros((3, 2, 1))), cg.ShapeError, r"x\.reshape\(len\(x\), 2\)"),
    (lambda n: n.predict([[np.nan, 1]]), cg.DataError, r"first at x\[0, 0\]"),
    (lambda n: n.predict(np.zeros((1, 2), np.float16)), cg.DataError, "float16"),
    (lambda n: n.predict([["a", "b"]]), cg.DataError, "numbers"),
    (lambda n: n.loss(X, [[1, 2, 3]]), cg.ShapeError, r"the targets have shape \(1, 3\)"),
    (lambda n: n.loss(X, [2]), cg.DataError, r"class number 2 is out of range at y\[0\]"),
    (lambda n: n.loss(X, [-1]), cg.DataError, r"class number -1 is out of range at y\[0\]"),
    (lambda n: n.loss(X, [0.5]), cg.DataError, "class numbers must be integers"),
    (lambda n: n.loss(X * 2, Y), cg.DataError, "2 samples in x but 1 targets"),
    (lambda n: n.loss(np.zeros((0, 2)), np.zeros((0, 2))), cg.DataError, "no samples"),
    (lambda n: n.loss(X, [[np.inf, 0]]), cg.DataError, "NaN or infinity"),
    (lambda n: n.set_parameters(W3=1), cg.UnknownNameError, "no parameter 'W3'"),
    (
        lambda n: n.set_parameters(W1=[[1, 2, 3]]),
        cg.ShapeError,
        r"W1 has shape \(2, 2\) in this network, but \(1, 3\) was given",
    ),
    (lambda n: n.set_parameters(b1=[[1], [2]]), cg.ShapeError, "reshape"),
    (lambda n: n.set_parameters(b1=[np.nan, 0]), cg.DataError, "NaN"),
    (lambda n: n.set_parameters(W1=[[1, 2], [3]]), cg.DataError, "equal length"),
    (lambda n: n.freeze("w1"), cg.UnknownNameError, "did you mean 'W1'"),
    (lambda n: n.fit(X, Y, optimizer="Adm"), cg.UnknownNameError, "'Adam'"),
    (lambda n: n.fit(X, Y, schedule=5), cg.OptionError, "schedule is 5"),
    (lambda n: n.fit(X, Y, epochs=0), cg.OptionError, "epochs"),
    (lambda n: n.fit(X, Y, batch_size=0), cg.OptionError, "batch_size"),
    (lambda n: n.fit(X, Y, validation=0.5), cg.DataError, "cannot be split"),
    (lambda n: n.fit(X, Y, schedule=cg.Cosine(), epochs=None, patience=2), cg.OptionError, "must know the end"),
]


@pytest.mark.parametrize(("call", "error", "message"), CALLS)
def test_what_does_not_fit_is_found_at_the_call_and_changes_nothing(
    call: object, error: type[Exception], message: str
) -> None:
    net = example()
    before = net.flat.copy()
    with pytest.raises(error, match=message) as caught:
        call(net)  # type: ignore[operator]
    assert isinstance(caught.value, cg.ChalkgradError)
    assert "\n" not in str(caught.value)
    assert (net.flat == before).all()


def test_images_that_lack_the_channel_axis_are_recognised() -> None:
    net = cg.Network([cg.Flatten(), cg.Dense(2), cg.Softmax()], input_shape=(1, 4, 4), loss="CrossEntropy")
    with pytest.raises(cg.ShapeError, match=r"x\.reshape\(len\(x\), 1, 4, 4\)"):
        net.predict(np.zeros((3, 4, 4)))
    colour = cg.Network([cg.Conv2D(2, 3)], input_shape=(3, 8, 6), loss="SquaredError")
    with pytest.raises(cg.ShapeError, match=r"transpose\(0, 3, 1, 2\)|reshape"):
        colour.predict(np.zeros((3, 8, 6, 3)))


def test_gradients_go_by_both_names() -> None:
    net = example()
    found = net.gradients(X, Y)
    assert list(found) == ["W1", "b1", "W2", "b2"]
    assert found["dW1"] is found["W1"] is found.get("dW1")
    assert "dW1" in found
    assert "dz1" not in found
    for name in ("dW3", "z1", "dx", 1):
        with pytest.raises(cg.UnknownNameError, match="no gradient"):
            found[name]
    with pytest.raises(cg.UnknownNameError, match="did you mean 'dW2'"):
        found["dW3"]


COPIES = {
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
    "inside something": lambda thing: copy.deepcopy({"here": [thing]})["here"][0],
}


@pytest.mark.parametrize("way", COPIES)
def test_copied_and_pickled_networks_are_their_own(way: str) -> None:
    layers = [cg.Dense(5, name="hidden", weights="normal(0.3)", l1=0.1), cg.BatchNorm(), cg.Dropout(0.3), cg.GELU(),
              cg.Dense(3), cg.Softmax()]  # fmt: skip
    net = cg.Network(layers, input_shape=4, loss=cg.CrossEntropy(scale=0.5), dtype="float64", seed=7, l2=0.01)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 4)), rng.integers(0, 3, 20)
    net.freeze("b3")
    net.fit(x, y, epochs=2, optimizer=cg.Adam(0.01))
    twin = COPIES[way](net)
    assert twin.to_table() == net.to_table()
    assert (twin.steps_taken, twin.frozen) == (net.steps_taken, ("b3",))
    assert twin.loss(x, y, training=True) == net.loss(x, y, training=True)
    assert twin.loss(x, y) == net.loss(x, y)
    before = net.flat.copy()
    twin.fit(x, y, epochs=2, optimizer=cg.Adam(0.01))
    assert np.array_equal(net.flat, before)
    assert all(np.shares_memory(v, twin.flat) for v in twin.parameters.values())
    net.fit(x, y, epochs=2, optimizer=cg.Adam(0.01))
    assert np.array_equal(net.flat, twin.flat)
    assert all(np.array_equal(twin.states[n], s) for n, s in net.states.items())


def test_a_pickled_network_holds_nothing_but_plain_values() -> None:
    class Reader(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            asked.append(f"{module}.{name}")
            return super().find_class(module, name)

    asked: list[str] = []
    net = example()
    net.fit(X, Y, epochs=1, optimizer="Adam")
    Reader(io.BytesIO(pickle.dumps(net))).load()
    assert [a for a in asked if not a.startswith("numpy.")] == ["chalkgrad.network.restored"]


@pytest.mark.parametrize("way", COPIES)
def test_what_a_network_gives_can_be_copied_and_pickled(way: str) -> None:
    net = example()
    history = net.fit(X, Y, epochs=3)
    given = {
        "history": history, "evaluation": net.evaluate(X, Y), "trace": net.trace(X, Y, labels={"W1[0, 0]": "w1"}),
        "gradients": net.gradients(X, Y), "example": cg.load_example("web"), "digits": cg.data.digits(),
        "diagnosis": cg.diagnose(net, X, Y, net.gradients(X, Y)), "check": net.check_gradients(X, Y),
    }  # fmt: skip
    found = {name: COPIES[way](thing) for name, thing in given.items()}
    assert {n: type(v) for n, v in found.items()} == {n: type(v) for n, v in given.items()}
    assert [r.loss for r in found["history"].records] == [r.loss for r in history.records]
    assert str(found["trace"]) == str(given["trace"])
    assert str(found["trace"].explain("dw1")) == str(given["trace"].explain("dw1"))


FOREIGN = {
    "cg.Dense(10, activation='relu')": "add the activation as the next layer, such as cg.ReLU()",
    "cg.Dense(10, in_features=3)": "the network's input_shape",
    "cg.Dense(out_features=3)": "it is called units",
    "cg.Dense(3, weihgts='he')": "did you mean 'weights'?",
    "cg.Conv2D(3, kernel_size=2)": "it is called kernel",
    "cg.MaxPool2D(kernel_size=2)": "it is called window",
    "cg.Dropout(p=0.3)": "it is called rate",
    "cg.SGD(lr=0.1)": "it is called learning_rate",
    "cg.Adam(betas=(0.9, 0.99))": "it is called beta1 and beta2",
    "cg.CrossEntropy(ignore_index=-1)": "did you mean 'ignore'?",
    "cg.Cosine(warm_up=3)": "did you mean 'warmup'?",
    "example(optimizer='adam')": "the optimizer goes to fit",
    "example(random_state=3)": "it is called seed",
    "example().fit(X, Y, validation_split=0.1)": "fit has no validation_split; it is called validation",
    "example().fit(X, Y, verbose=1)": "it is called progress",
    "example().fit(X, Y, lr=0.1)": "optimizer=cg.SGD(0.1)",
    "example().fit(X, Y, momentum=0.9)": "optimizer=cg.SGD(0.1, momentum=0.9)",
    "cg.Network([], input_shape=2, loss='SquaredError', metrics=0)": "they go to fit and evaluate",
    "cg.StandardScaler": "write cg.Standardize() as the first layer",
    "example().fit(X, Y)[str('loss')]  # keyword=": "history.column('loss')",
    "cg.EarlyStopping()": "net.fit(x, y, patience=5)",
    "example().predict(X, batch_size=3)": "predict has no batch_size",
    "example().compile(optimizer='adam')": "it is ready when it is made",
    "example().forward(X)": "write net.predict(x)",
    "example().score(X, Y)": "write net.evaluate(x, y).accuracy",
    "example().zero_grad()": "computes them anew",
    "example().predikt(X)": "did you mean 'predict'?",
    "cg.Sequential([])": "write cg.Network(layers",
    "cg.nn.Linear(2, 3)": "cg.Dense(units) is nn.Linear(inputs, units)",
    "cg.Conv2d(3, 2)": "did you mean 'Conv2D'?",
    "from_table('layer', {'type': 'Dense', 'units': 3, 'activation': 'relu'}, LAYERS)": "as the next layer",
    "from_table('layer', 'Linear', LAYERS)": "it is called Dense",
    "from_table('loss', 'mse', LOSSES)": "it is called SquaredError",
}


@pytest.mark.parametrize("written", FOREIGN)
def test_words_of_other_libraries_are_answered(written: str) -> None:
    of_table = cg.UnknownNameError if "type" not in written else cg.OptionError
    kind = of_table if written.startswith("from_table") else TypeError if "=" in written else AttributeError
    kind = AttributeError if ".compile" in written else kind
    names = {"cg": cg, "example": example, "X": X, "Y": Y, "from_table": from_table, "LAYERS": LAYERS, "LOSSES": LOSSES}
    with pytest.raises(kind) as caught:
        eval(written, names)
    assert FOREIGN[written] in str(caught.value)


def test_every_answer_to_a_foreign_word_names_what_there_is() -> None:
    """What follows cg., net. or stands behind `it is called` can be written."""
    net = example()
    fields = {f.name for k in (*LAYERS.values(), *LOSSES.values(), *OPTIMIZERS.values()) for f in dataclasses.fields(k)}
    known = fields | set(inspect.signature(cg.Network.fit).parameters) | set(inspect.signature(cg.Network).parameters)
    assert {name for names in foreign.RENAMED.values() for name in names.split()} <= known
    for owner, said in foreign.OWN.items():
        for word, text in said.items():
            assert not (owner == "network" and hasattr(net, word)), word
            assert not (owner == "module" and hasattr(cg, word)), word
            assert all(hasattr(cg, name) for name in re.findall(r"cg\.(\w+)", text)), text
            assert all(hasattr(net, name) for name in re.findall(r"net\.(\w+)", text)), text


def test_layers_of_ones_own_take_what_they_take() -> None:
    class Scaled(cg.Dense):
        def __init__(self, units: int, *, gain: float) -> None:
            super().__init__(units, weights=f"normal({gain})")

    class Free(cg.Dense):
        def __init__(self, units: int, **more: Any) -> None:
            super().__init__(units, **{k: v for k, v in more.items() if k != "gain"})

    assert Scaled(3, gain=0.5).units == Free(3, gain=0.5).units == 3
    with pytest.raises(TypeError, match="Scaled has no activation; add the activation as the next layer"):
        Scaled(3, gain=0.5, activation="relu")


@pytest.mark.parametrize("pair", [("h", "dh"), ("dh", "h"), ("h", "v_h"), ("h", "g_h"), ("h", "m_h"), ("h", "L_h")])
def test_names_that_would_collide_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(cg.OptionError, match="choose another name"):
        classifier(layers=[cg.Dense(3, name=pair[0]), cg.Tanh(), cg.Dense(2, name=pair[1]), cg.Softmax()])


@pytest.mark.parametrize("name", ["x", "y", "z1", "W1", "L", "l"])
def test_names_of_values_are_names_of_layers_too(name: str) -> None:
    net = classifier(layers=[cg.Dense(3, name=name), cg.Tanh(), cg.Dense(2), cg.Softmax()], l2=0.1)
    assert net.check_gradients(SAMPLES, CLASSES)
    net.fit(SAMPLES, CLASSES, optimizer=cg.Adam(weight_decay=0.1))


def test_help_values_of_the_backward_pass_have_their_layers_number() -> None:
    net = classifier(layers=[cg.Dense(3), cg.Softmax(), cg.Dense(4), cg.Tanh(), cg.Dense(2), cg.Softmax()])
    assert "c1" in net.trace(SAMPLES, CLASSES)
    assert net.check_gradients(SAMPLES, CLASSES)


def test_the_views_cannot_be_replaced() -> None:
    net = classifier()
    with pytest.raises(TypeError):
        net.parameters["b1"] = np.ones(4)  # type: ignore[index]
