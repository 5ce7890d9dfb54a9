from __future__ import annotations

import contextlib
import math
import pickle
import time
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import chalkgrad as cg
from chalkgrad.base.digits import rounded
from chalkgrad.explain.derivation import Derivation
from chalkgrad.formula.expression import Extreme, Partial, Terms, number, quantities, walk_expression
from networks import IMAGE, X, Y, document_000, example, networks, saturated

slow = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
SHARE = [4, pytest.param(40, marks=pytest.mark.long)]
LABELS = {"W1[0, 0]": "w1", "W2[0, 0]": "w5", "a1[0, 0]": "h1", "y_hat[0, 0]": "o1", "L": "E"}


def addresses(trace: cg.Trace, name: str, most: int, rng: np.random.Generator) -> list[str]:
    shape = trace[name].shape
    size = math.prod(shape)
    chosen = rng.choice(size, min(size, most), replace=False)
    return [f"{name}[{', '.join(str(int(i)) for i in np.unravel_index(c, shape))}]" if shape else name for c in chosen]


def central_difference(net: cg.Network, x: np.ndarray, y: np.ndarray, name: str, place: tuple[int, ...]) -> float:
    target = x if name == "x" else net.parameters[name]
    held, step = target[place], 1e-6
    losses = []
    for sign in (1, -1):
        target[place] = held + sign * step
        losses.append(net.loss(x, y, training=True))
    target[place] = held
    return (losses[0] - losses[1]) / (2 * step)


@pytest.mark.parametrize("examples", SHARE)
def test_every_value_of_random_networks_is_explained(examples: int) -> None:
    @settings(slow, max_examples=examples)
    @given(networks(), st.integers(0, 1000))
    def check(drawn: tuple[cg.Network, np.ndarray, np.ndarray], seed: int) -> None:
        every_value_is_explained(*drawn, seed)

    check()


def every_value_is_explained(net: cg.Network, x: np.ndarray, y: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    optimizer = [cg.SGD(0.1), cg.Adam(), cg.SGD(0.1, momentum=0.9, weight_decay=0.1)][seed % 3]
    trace = net.trace(x, y, optimizer=optimizer)
    for name in trace:
        for address in addresses(trace, name, 3, rng):
            derivation = trace.explain(address, terms=3, steps=2)
            assert derivation.check.agrees, (address, derivation.check)
            if derivation.expression is not None:
                largest = max((abs(q.value) for q in quantities(derivation.expression)), default=1.0)
                assert number(derivation.expression) == pytest.approx(
                    derivation.value, rel=1e-12, abs=1e-13 * max(1.0, largest)
                )


@pytest.mark.parametrize("examples", SHARE)
def test_explanation_equals_backward_rule_equals_central_difference(examples: int) -> None:
    @settings(slow, max_examples=examples)
    @given(networks(), st.integers(0, 1000))
    def check(drawn: tuple[cg.Network, np.ndarray, np.ndarray], seed: int) -> None:
        three_ways_agree(*drawn, seed)

    check()


def three_ways_agree(net: cg.Network, x: np.ndarray, y: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    trace = net.trace(x, y)
    for name in [*net.parameters, "x"]:
        for address in addresses(trace, f"d{name}", 2, rng):
            place = trace.address(address).place
            explained = trace.explain(address).value
            by_paths = trace.explain(address, form="paths").value
            rule = float(trace[f"d{name}"][place])
            numeric = central_difference(net, x.copy() if name != "x" else x, y, name, place)
            assert explained == pytest.approx(rule, rel=1e-9, abs=1e-12)
            assert by_paths == pytest.approx(rule, rel=1e-9, abs=1e-12)
            if smooth_at(net, x, y, name, place):
                assert numeric == pytest.approx(rule, rel=1e-4, abs=1e-6)


def smooth_at(net: cg.Network, x: np.ndarray, y: np.ndarray, name: str, place: tuple[int, ...]) -> bool:
    """Whether one-sided differences agree: no kink lies in between."""
    target = x if name == "x" else net.parameters[name]
    held, step = target[place], 1e-6
    losses = []
    for shift in (-step, 0, step):
        target[place] = held + shift
        losses.append(net.loss(x, y, training=True))
    target[place] = held
    left, right = (losses[1] - losses[0]) / step, (losses[2] - losses[1]) / step
    return abs(left - right) < 1e-4 * max(1.0, abs(left))


def test_every_element_of_the_small_networks() -> None:
    for net, x, y in ((example(), X, Y), (document_000(), IMAGE, [[0.0, 1.0]])):
        trace = net.trace(x, y, optimizer="SGD")
        for name in trace:
            for place in np.ndindex(trace[name].shape):
                address = f"{name}[{', '.join(map(str, place))}]" if place else name
                derivation = trace.explain(address)
                assert all(step.check.agrees for step in derivation.steps), address
                assert derivation.value == pytest.approx(float(trace[name][place]), rel=1e-13, abs=1e-300)


def test_local_derivatives_are_those_of_the_forward_pass() -> None:
    """Every factor of a path, against a central difference of the forward steps between the two values."""
    nets = [(example(), np.array(X), np.array(Y)), (document_000(), IMAGE, np.array([[0.0, 1.0]]))]
    expanded = cg.Network(
        [cg.Dense(3), cg.Tanh(), cg.Dense(2), cg.Softmax()],
        input_shape=2,
        loss=cg.CrossEntropy(fuse=False),
        dtype="float64",
    )
    nets.append((expanded, np.array([[0.3, -0.4]]), np.array([1])))
    from chalkgrad.engines.numpy.runner import Runner

    for net, x, y in nets:
        trace = net.trace(x, y)
        partials: dict[str, Partial] = {}
        for place in np.ndindex(net.parameters["W1"].shape):
            address = f"dW1[{', '.join(map(str, place))}]"
            derivation = trace.explain(address, form="paths", terms=20, steps=100)
            assert derivation.expression is not None
            for node in walk_expression(derivation.expression):
                if isinstance(node, Partial):
                    partials[f"{node.of} by {node.by}"] = node
        assert len(partials) > 10
        order = [s.output for s in net.program]
        for said, partial in partials.items():
            values = dict(trace)
            # only the steps that lead directly from the one value to the other: those between whose inputs it is
            steps = [s for s in net.program.needed_for([partial.of.name]) if s.output not in trace.program.parameters]
            after = [
                s for s in steps if partial.by.name not in order or order.index(s.output) > order.index(partial.by.name)
            ]
            moved = []
            for shift in (1e-6, -1e-6):
                start = {k: np.array(v) for k, v in values.items() if k not in {s.output for s in after}}
                start[partial.by.name][partial.by.place] += shift
                moved.append(float(Runner(after).run(start)[partial.of.name][partial.of.place]))
            assert (moved[0] - moved[1]) / 2e-6 == pytest.approx(partial.value, rel=1e-6, abs=1e-9), said


def test_the_web_example_as_the_documents_write_it() -> None:
    trace = example().trace(X, Y, labels=LABELS | {"y_hat[0, 1]": "o2"})
    derivation = trace.explain("dw1", form="paths")
    assert derivation.symbols == (
        "(∂E/∂o1 * ∂o1/∂z2[0, 0] * ∂z2[0, 0]/∂h1 + ∂E/∂o2 * ∂o2/∂z2[0, 1] * ∂z2[0, 1]/∂h1) * ∂h1/∂z1[0, 0] * ∂z1[0, 0]/∂w1"
    )
    assert derivation.value == pytest.approx(0.0004385677344743465, rel=1e-14)
    by_delta = trace.explain("dW1[0, 0]", labels={})
    assert by_delta.symbols == "x[0, 0] * dz1[0, 0]"
    assert by_delta.numbers == "0.05 * 0.00877135"
    assert [s.address for s in by_delta.steps] == [
        "dW1[0, 0]", "dz1[0, 0]", "da1[0, 0]", "dz2[0, 0]", "dz2[0, 1]", "dy_hat[0, 0]", "dy_hat[0, 1]", "dl[0]",
    ]  # fmt: skip
    assert trace.explain("da1[0, 0]", labels={}).numbers == "0.138499 * 0.4 + (-0.0380982) * 0.5"


def test_below_a_maximum_an_element_has_won_or_lost() -> None:
    trace = document_000().trace(IMAGE, [[0.0, 1.0]])
    won, lost = trace.explain("dz1[0, 0, 0, 0]"), trace.explain("dz1[0, 0, 0, 1]")
    assert won.reason == "z1[0, 0, 0, 0] won its window (win1[0, 0, 0, 0]), so what comes back goes to it"
    assert won.value == float(trace["dp1"][0, 0, 0, 0])
    assert lost.reason == "z1[0, 0, 0, 1] lost its window to z1[0, 0, 0, 0], so nothing comes back"
    assert lost.value == 0
    pooled = trace.explain("p1[0, 0, 0, 0]").expression
    assert isinstance(pooled, Extreme)
    assert pooled.value == float(trace["p1"][0, 0, 0, 0])


def test_long_sums_show_their_largest_terms_and_the_exact_rest() -> None:
    net = cg.Network([cg.Dense(3), cg.ReLU(), cg.Dense(2)], input_shape=200, loss="SquaredError", dtype="float64")
    rng = np.random.default_rng(0)
    trace = net.trace(rng.standard_normal((5, 200)), rng.standard_normal((5, 2)))
    derivation = trace.explain("z1[2, 1]", terms=4)
    expression = derivation.expression
    terms = next(n for n in walk_expression(expression) if isinstance(n, Terms))  # pyright: ignore
    assert len(terms.terms) == 4
    assert terms.omitted == 196
    products = np.sort(np.abs(trace["x"][2] * trace["W1"][:, 1]))[::-1]
    assert [abs(number(t)) for t in terms.terms] == products[:4].tolist()
    left_out = [v for v in trace["x"][2] * trace["W1"][:, 1] if abs(v) < products[3]]
    assert terms.rest == math.fsum(left_out)
    assert number(expression) == pytest.approx(float(trace["z1"][2, 1]), rel=1e-13)  # pyright: ignore
    assert f"... 196 more, together {terms.rest:.6g}" in derivation.to_text()


def test_paths_of_a_large_network_are_the_largest_and_the_rest_is_exact() -> None:
    net = cg.Network(
        [cg.Dense(20), cg.ReLU(), cg.Dense(10), cg.Softmax()], input_shape=30, loss="CrossEntropy", dtype="float64"
    )
    rng = np.random.default_rng(0)
    x, y = rng.random((8, 30)), rng.integers(0, 10, 8)
    trace = net.trace(x, y)
    unit = int((trace["z1"] > 0).sum(axis=0).argmax())  # the one that is on most often
    derivation = trace.explain(f"dW1[4, {unit}]", form="paths", terms=5)
    assert isinstance(derivation.expression, Terms)
    live = [n for n in range(8) if trace["z1"][n, unit] > 0]
    every = [
        float(trace["x"][n, 4] * trace["W2"][unit, k] * (trace["y_hat"][n, k] - trace["y"][n, k]) / 8)
        for n in live
        for k in range(10)
    ]
    assert derivation.expression.omitted == len(every) - 5
    largest = sorted(every, key=abs, reverse=True)
    assert [number(t) for t in derivation.expression.terms] == pytest.approx(largest[:5], rel=1e-12)
    assert derivation.expression.rest == pytest.approx(math.fsum(largest[5:]), rel=1e-9)


def test_one_weight_of_the_mnist_network_in_under_a_second() -> None:
    net = cg.Network([cg.Dense(128), cg.ReLU(), cg.Dense(10), cg.Softmax()], input_shape=784, loss="CrossEntropy")
    rng = np.random.default_rng(0)
    trace = net.trace(rng.random((32, 784)), rng.integers(0, 10, 32))
    for form in ("delta", "paths"):
        start = time.perf_counter()
        derivation = trace.explain("dW1[400, 5]", form=form)
        text = derivation.to_text()
        assert time.perf_counter() - start < 1
        assert len(derivation.steps) <= 40
        assert derivation.check.agrees
        assert "more, together" in text


def test_inputs_are_opened_when_they_are_looked_at_and_nothing_changes() -> None:
    derivation = example().trace(X, Y).explain("dW1[0, 0]")
    assert [i.address for i in derivation.inputs] == ["dz1[0, 0]"]
    assert derivation.inputs[0].inputs[0].address == "da1[0, 0]"
    with pytest.raises(FrozenInstanceError):
        derivation.value = 3.0  # type: ignore[misc]
    assert derivation.rule == "dense_dW"
    assert derivation.part == "backward"
    assert derivation.formula == "dW[i,o] = sum_n x[n,i] * dz[n,o]"


def test_updates_and_given_values() -> None:
    trace = example().trace(X, Y, optimizer=cg.SGD(0.5))
    new = trace.explain("W1_new[0, 0]")
    assert new.symbols == "W1[0, 0] - lr * dW1[0, 0]"
    assert new.value == pytest.approx(0.1497807161327628, rel=1e-15)
    given_ = trace.explain("W1[0, 0]")
    assert given_.expression is None
    assert given_.reason == "a parameter, given; its gradient is dW1[0, 0], and after the update it is W1_new[0, 0]"
    net = cg.Network([cg.Dense(2), cg.Dropout(0.5), cg.Dense(1)], input_shape=2, loss="SquaredError")
    mask = net.trace([[1.0, 2.0]], [[1.0]]).explain("mask1[0, 0]")
    assert "drawn at random" in mask.reason


def test_hand_rounding_rounds_every_step() -> None:
    trace = example().trace(X, Y, optimizer=cg.SGD(0.5))
    derivation = trace.explain("dW1[0, 0]", hand_rounding=3)
    values = {s.address: s.value for s in derivation.steps}
    for value in values.values():
        assert value == float(f"{value:.3g}")

    def hand(number: float) -> float:
        return rounded(number, 3)

    # by hand, every step on three digits; a half goes up, so net_h2 = 0.3925 is 0.393
    a1 = [hand(1 / (1 + math.exp(-z))) for z in (0.378, 0.393)]
    z2 = [hand(a1[0] * 0.40 + a1[1] * 0.45 + 0.6), hand(a1[0] * 0.50 + a1[1] * 0.55 + 0.6)]
    y_hat = [hand(1 / (1 + math.exp(-z))) for z in z2]
    dz2 = [hand(hand(o - t) * o * (1 - o)) for o, t in zip(y_hat, (0.01, 0.99), strict=True)]
    da1 = hand(dz2[0] * 0.40 + dz2[1] * 0.50)
    dz1 = hand(da1 * a1[0] * (1 - a1[0]))
    assert values["dz2[0, 0]"] == dz2[0]
    assert values["da1[0, 0]"] == da1
    assert values["dz1[0, 0]"] == dz1
    assert derivation.value == hand(0.05 * dz1)
    paths = trace.explain("dW1[0, 0]", hand_rounding=3, form="paths")
    assert all(float(f"{s.value:.3g}") == s.value for s in paths.steps)
    assert all(s.check.agrees for s in paths.steps)
    assert derivation.value != trace.explain("dW1[0, 0]").value
    assert all(s.check.agrees for s in derivation.steps)
    assert "rounded to 3 significant digits" in derivation.to_text()


@pytest.mark.parametrize("examples", SHARE)
def test_derivations_survive_json(examples: int) -> None:
    @settings(slow, max_examples=examples)
    @given(networks())
    def check(drawn: tuple[cg.Network, np.ndarray, np.ndarray]) -> None:
        survive_json(*drawn)

    check()


def survive_json(net: cg.Network, x: np.ndarray, y: np.ndarray) -> None:
    trace = net.trace(x, y, optimizer="Adam", labels={"L": "E"})
    name = next(iter(net.parameters))
    place = ", ".join("0" * len(net.parameters[name].shape))
    for address, form in (
        (f"d{name}[{place}]", "delta"),
        (f"d{name}[{place}]", "paths"),
        (f"{name}_new[{place}]", "delta"),
        ("L", "delta"),
    ):
        derivation = trace.explain(address, form=form, steps=12)
        again = Derivation.from_json(derivation.to_json())
        assert again.to_text() == derivation.to_text()
        assert again.to_latex() == derivation.to_latex()
        assert again.to_html() == derivation.to_html()
        assert again.to_json() == derivation.to_json()


@pytest.mark.parametrize("form", ["delta", "paths"])
def test_derivations_are_pickled(form: str) -> None:
    derivation = example().trace(X, Y, labels={"L": "E"}).explain("dW1[0, 0]", form=form)
    for one in (derivation, derivation.printed(precision=3), Derivation.from_json(derivation.to_json())):
        again = pickle.loads(pickle.dumps(one))
        assert again.to_text() == one.to_text()
        assert [d.address for d in again.inputs] == list(one.input_addresses)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 1}', '{"format": 1, "settings": {}, "steps": [], "unopened": []}',
     '{"format": 1, "settings": {"form": "x"}, "steps": [1], "unopened": []}',
     '{"format": 1, "settings": {}, "steps": [{"address": "z"}], "unopened": []}', "[" * 100_000],
)  # fmt: skip
def test_what_is_no_derivation_is_refused(text: str) -> None:
    with pytest.raises(cg.DataError, match="no JSON of a derivation"):
        Derivation.from_json(text)


def test_damaged_json_is_refused_or_reads_as_it_was() -> None:
    text = example().trace(X, Y).explain("dz2[0, 0]").to_json()
    rng = np.random.default_rng(0)
    for _ in range(300):
        at = int(rng.integers(len(text)))
        damaged = text[:at] + chr(int(rng.integers(32, 127))) + text[at + 1 :]
        with contextlib.suppress(cg.ChalkgradError):
            Derivation.from_json(damaged).to_text()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("dW3[0, 0]", r"there is no value 'dW3'; did you mean 'dW\d'"),
        ("dW1", r"dW1 must have 2 indices, as dW1 has shape \(2, 2\): dW1\[0, 0\] to dW1\[1, 1\]"),
        ("dW1[0]", "must have 2 indices"),
        ("dW1[0, 2]", r"outside dW1, which has shape \(2, 2\): dW1\[0, 0\] to dW1\[1, 1\]"),
        ("L[0]", "must have no index, as L has shape"),
        ("dW1[0, 0", "is no element of dW1; .* dW1\\[0, 0\\] to"),
        ("", "there is no address"),
        ("W1_new[0, 0]", "W1_new was not computed: trace"),
        ("z1[a, b]", "is no element of z1; .* z1\\[0, 0\\] to z1"),
        ("[0]", "there is no address"),
        ("w9", "there is no value 'w9'"),
    ],
)
def test_bad_addresses_say_what_would_do(address: str, message: str) -> None:
    with pytest.raises(cg.ChalkgradError, match=message):
        example().trace(X, Y).explain(address)


def test_addresses_may_count_from_the_end_and_go_by_label_or_alias() -> None:
    trace = example().trace(X, Y, labels=LABELS)
    assert trace.explain("dW1[-1, -1]").address == "dW1[1, 1]"
    assert trace.explain("dw5").address == "dW2[0, 0]"
    assert trace.explain("a2[0, 1]").address == "y_hat[0, 1]"
    assert trace.explain("E").address == "L"


@pytest.mark.parametrize(
    "settings_",
    [{"form": "path"}, {"style": "tall"}, {"precision": 0}, {"precision": 18}, {"terms": 0}, {"steps": 0},
     {"hand_rounding": 0}, {"labels": {"W9[0]": "w"}}],
)  # fmt: skip
def test_bad_settings_are_refused(settings_: dict[str, object]) -> None:
    with pytest.raises(cg.ChalkgradError):
        example().trace(X, Y).explain("dW1[0, 0]", **settings_)  # type: ignore[arg-type]


def test_paths_are_of_derivatives_only() -> None:
    with pytest.raises(cg.OptionError, match=r"z1\[0, 0\] is none: take dz1\[0, 0\]"):
        example().trace(X, Y).explain("z1[0, 0]", form="paths")


@pytest.mark.parametrize("weight", [50.0, 800.0, -800.0])
@pytest.mark.parametrize(
    ("layer", "loss"),
    [
        (cg.Sigmoid(), cg.BinaryCrossEntropy(fuse=False)), (cg.Sigmoid(), cg.BinaryCrossEntropy()),
        (cg.Sigmoid(), cg.SquaredError()), (cg.Softplus(), cg.SquaredError()), (cg.SiLU(), cg.SquaredError()),
    ],
)  # fmt: skip
def test_saturated_networks_are_explained(layer: cg.Layer, loss: cg.Loss, weight: float) -> None:
    trace = saturated(layer, loss, weight).trace([[1.0]], [[1.0]])
    for name in trace:
        address = f"{name}[{', '.join('0' * trace[name].ndim)}]" if trace[name].ndim else name
        trace.explain(address).to_text()
    assert trace.explain("dW1[0, 0]").check.agrees
    assert trace.explain("dW1[0, 0]", form="paths").check.agrees


def test_the_place_of_a_maximum_counts_the_whole_window() -> None:
    layers = [cg.MaxPool2D(3, stride=1, padding="same"), cg.Flatten(), cg.Dense(1)]
    net = cg.Network(layers, input_shape=(1, 3, 3), loss="SquaredError", dtype="float64")
    trace = net.trace(np.arange(9.0).reshape(1, 1, 3, 3), [[0.0]])
    name = next(n for n in trace if n.startswith("win"))
    numbers = trace.explain(f"{name}[0, 0, 0, 0]", terms=3).numbers
    listed = numbers.removeprefix("argmax(").removesuffix(")").split(", ")
    assert len(listed) == 9
    values = [-np.inf if w == "-infinity" else float(w) for w in listed]
    assert int(np.argmax(values)) == int(trace[name][0, 0, 0, 0])


def test_what_cancels_or_is_clipped_in_float32_is_no_disagreement() -> None:
    net = cg.Network([cg.Dense(1), cg.Sigmoid()], input_shape=1, loss=cg.BinaryCrossEntropy(fuse=False))
    net.set_parameters(W1=[[50.0]], b1=[0.0])
    assert net.trace([[1.0]], [[0.0]]).explain("l[0]").check.agrees
    net = cg.Network([cg.Dense(2), cg.LayerNorm()], input_shape=1, loss="SquaredError")
    net.set_parameters(W1=[[3.0, -3.0]])
    assert net.trace([[1.0]], [[0.3, -0.2]]).explain("dW1[0, 0]", form="paths").check.agrees


def test_hand_rounding_shows_all_the_digits_that_it_keeps() -> None:
    net = cg.Network([cg.Dense(1), cg.Tanh()], input_shape=1, loss="SquaredError")
    net.set_parameters(W1=[[0.15]], b1=[0.1])
    text = net.trace([[0.7]], [[0.2]]).explain("dW1[0, 0]", hand_rounding=9).to_text()
    assert "0.15000000" not in text
    with pytest.raises(cg.OptionError, match="1 to 15"):
        net.trace([[0.7]], [[0.2]]).explain("dW1[0, 0]", hand_rounding=16)


@pytest.mark.parametrize("text", [5, None, "1" + "0" * 400, '{"format": 1e999}'])
def test_json_of_any_kind_is_only_a_data_error(text: object) -> None:
    with pytest.raises(cg.DataError):
        Derivation.from_json(text)  # type: ignore[arg-type]


def test_long_paths_and_wide_networks_are_refused_soon() -> None:
    layers = [v for _ in range(150) for v in (cg.Dense(1), cg.Tanh())]
    net = cg.Network(layers, input_shape=1, loss="SquaredError", dtype="float64")
    trace = net.trace([[0.5]], [[0.1]])
    trace.explain("dW1[0, 0]").to_html()
    with pytest.raises(cg.OptionError, match="form='delta'"):
        trace.explain("dW1[0, 0]", form="paths")


def test_a_whole_value_shows_its_elements() -> None:
    trace = example().trace(X, Y)
    text = str(trace.elements("dW1", steps=3, precision=4))
    for place in ((0, 0), (0, 1), (1, 0)):
        derivation = trace.explain(f"dW1[{place[0]}, {place[1]}]")
        (line,) = [line for line in text.split("\n") if line.startswith(derivation.address)]
        assert f"{trace['dW1'][place]:.4g}" in line
        assert derivation.symbols in line
    assert "1 more are not shown: steps=N shows N of them." in text
    assert 'Open one of them with: trace.explain("dW1[0, 0]")' in text
    assert "not shown" not in str(trace.elements("a2"))
    assert "l[0]" in str(trace.elements("L"))
    with pytest.raises(cg.ShapeError, match=r"dW1\[0, 0\] to dW1\[1, 1\]; trace\.elements\('dW1'\) shows them all"):
        trace.explain("dW1")
    with pytest.raises(cg.ShapeError, match=r"dW1\[1, 1\]$"):
        trace.explain("dW1[0]")
    with pytest.raises(cg.UnknownNameError, match="did you mean 'dW"):
        trace.elements("dW")
    with pytest.raises(cg.OptionError, match="steps must be"):
        trace.elements("dW1", steps=0)
