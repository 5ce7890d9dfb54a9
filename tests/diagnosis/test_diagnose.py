"""Which mistake makes the claimed numbers: the documents', planted ones, and none where nothing is wrong."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import chalkgrad as cg
from chalkgrad.cli.main import main
from chalkgrad.diagnosis.rerun import Rerun
from chalkgrad.diagnosis.slips.usual import slips
from chalkgrad.rules import RULES
from networks import X, Y, example, networks

slow = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def told(diagnosis: cg.Diagnosis) -> list[tuple[str, str]]:
    return [(s.output, s.text) for c in diagnosis.causes for s in c.slips]


def planting() -> ModuleType:
    file = Path(__file__).parent.parent.parent / "benchmarks" / "planted.py"
    spec = importlib.util.spec_from_file_location("planted", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["planted"] = module
    spec.loader.exec_module(module)
    return module


# -- the documents ---------------------------------------------------------------------------------------------


def test_the_last_matrix_of_002_has_two_mistakes() -> None:
    two = cg.load_example("two_layers")
    printed = np.array([["0.14976095", "0.1995219"], ["0.24969829", "0.29939658"]], dtype=object).T.tolist()
    diagnosis = cg.diagnose(two.network, two.x, two.y, {"W1_new": printed}, learning_rate=0.5)
    assert told(diagnosis) == [
        ("da1", "the transpose of W2 is left out"),
        ("dz1", "the derivative is taken at the pre-activation without its bias"),
    ]
    assert diagnosis.first_wrong == "W1_new[0, 0]"
    assert "matches 4 numbers of W1_new to 8 digits" in str(diagnosis.causes[0])
    text = diagnosis.to_text()
    assert "da1 = dz2 @ W2.T\n    right" in text
    assert "da1 = dz2 @ W2\n    wrong" in text


def test_the_error_after_one_step_of_the_web_example() -> None:
    web = cg.load_example("web")
    web.network.freeze("b1", "b2")
    diagnosis = cg.diagnose(web.network, web.x, web.y, {"L_next": "0.291027924"}, learning_rate=0.5)
    assert told(diagnosis) == [("da1", "the already updated weights carry the error back")]
    right = cg.diagnose(web.network, web.x, web.y, {"L_next": 0.29102777369359933}, learning_rate=0.5)
    assert right.correct


TARGETS = "the target of another output is taken (that of the unit's own number)"
DW3 = [["0.24511789785387136", "0.24514845617318098"], ["-0.12278436404679686", "-0.13291928641939774"]]
DA2 = [["0.35323638354339076", "-0.06905569216708796"]]
DW2 = [
    ["0.048064857946680715", "-0.007701378664579531"], ["0.04877639171724259", "-0.007815386928284625"],
    ["0.046760268132586026", "-0.0074923456914364065"], ["0.0493007558027989", "-0.00789940520179029"],
]  # fmt: skip


def test_the_gradients_of_000() -> None:
    cnn = cg.load_example("cnn")
    diagnosis = cg.diagnose(cnn.network, cnn.x, cnn.y, {"dW3": DW3}, learning_rate=0.001)
    assert told(diagnosis) == [("dW3", TARGETS)]
    assert diagnosis.findings[0].right == 2  # w9 and w12
    both = cg.diagnose(cnn.network, cnn.x, cnn.y, {"dW3": DW3, "da2": DA2, "dW2": DW2}, learning_rate=0.001)
    assert told(both) == [
        ("dW3", TARGETS),
        ("da2", "the target of another output is taken (that of the unit's own number), the slope of one output is "
         "taken for all and the weights are already updated"),
    ]  # fmt: skip
    assert [f.verdict for f in both.findings] == ["wrong", "wrong", "follows"]
    kernel = [[[["0.00102128", "0.00453462"], ["0.00099141", "0.00397162"]]]]
    all_ = {"dW3": DW3, "da2": DA2, "dW2": DW2, "dW1": kernel}
    with_kernel = cg.diagnose(cnn.network, cnn.x, cnn.y, all_, learning_rate=0.001)
    assert told(with_kernel)[2:] == [("da1", "the already updated weights carry the error back")]
    assert with_kernel.unexplained == ()
    alone = cg.diagnose(cnn.network, cnn.x, cnn.y, {"da2": DA2}, learning_rate=0.001)
    assert alone.unexplained == ()


# -- planted mistakes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("diagnosed", [16, pytest.param(1, marks=pytest.mark.long)])
def test_every_mistake_of_every_rule_is_planted_and_found(diagnosed: int) -> None:
    """Each in the first of the random networks where it changes something; the benchmark tries all of them in all.

    The short test looks for every sixteenth of those that it plants.
    """
    tools = planting()
    every = {m.name for rule in RULES for m in rule.mistakes}
    seen: set[str] = set()
    for _, net, x, y, optimizer in (
        *tools.networks(88),
        *tools.networks(48, tools.GRAPHS),
        *tools.networks(12, tools.SEQUENCES),
        *tools.attentive(),
        *tools.scaled(),
    ):
        trace = net.trace(x, y, optimizer=optimizer)
        rerun = Rerun(trace.program, trace)
        for slip in slips(trace.program, None, len(x)):
            name = slip.mistaken.rule.name if slip.mistaken is not None else slip.text
            if slip.weight >= 2 or name in seen:
                continue
            claims = tools.planted(net, x, y, optimizer, (slip,), rerun)
            if claims is None:
                continue
            if len(seen) % diagnosed == 0:
                diagnosis = cg.diagnose(net, x, y, claims, optimizer=optimizer)
                assert tools.found(diagnosis, (slip,)), (slip, diagnosis)
            seen.add(name)
    # weights of samples: diagnose takes none, and ignored steps have weight 0 and a target of zeros
    weighted = {"weighted_mean_loss_dl_unweighted", "weighted_sum_loss_dl_unweighted"}
    assert every - seen == {"batch_normalise_dx_fixed_undivided", *weighted}, every - seen


def test_a_mistake_of_a_pass_by_running_averages() -> None:
    net = cg.Network(
        [cg.Dense(3), cg.BatchNorm(), cg.Dense(2)], input_shape=2, loss="SquaredError", dtype="float64", seed=2
    )
    net.set_parameters(running_var2=[2.0, 0.5, 3.0])
    x, y = np.array([[1.0, 2.0], [0.3, -1.0]]), np.zeros((2, 2))
    trace = net.trace(x, y, training=False)
    claims = {"dW1": x.T @ trace["dx_hat2"]}
    diagnosis = cg.diagnose(net, x, y, claims, training=False)
    assert told(diagnosis) == [("dz1", "the division by the deviation is left out")]


def test_every_rule_with_a_mistake_that_moves_a_gradient_is_tried() -> None:
    """All mistakes that stand beside the rules of a program become slips where their operands are there."""
    net = cg.Network(
        [cg.Conv2D(2, 2), cg.ReLU(), cg.MaxPool2D(2), cg.Flatten(), cg.Dense(3), cg.Sigmoid()], input_shape=(1, 5, 5),
        loss="SquaredError", dtype="float64",
    )  # fmt: skip
    trace = net.trace(np.ones((1, 1, 5, 5)), np.ones((1, 3)), optimizer=cg.SGD(0.1))
    named = {(s.output, s.text) for s in slips(trace.program, None, 1)}
    for step in trace.program:
        for mistake in step.rule.mistakes:
            if not mistake.varies:
                bound = {formal: name for formal, name in step.bound.items() if name is not None}
                assert (step.output, mistake.text.format(**bound)) in named, mistake


def test_values_of_an_earlier_pass() -> None:
    net = example()
    before = {n: p.copy() for n, p in net.parameters.items()}
    old = net.trace(X, Y)
    net.fit(X, Y, optimizer=cg.SGD(0.5), epochs=1, batch_size=None, shuffle=False)
    now = net.trace(X, Y)
    claims = {"dW2": old["a1"].T @ now["dz2"]}
    assert cg.diagnose(net, X, Y, claims).unexplained == ("dW2",)
    assert told(cg.diagnose(net, X, Y, claims, before=before)) == [("dW2", "a1 is the earlier pass's")]


# -- no false alarms ---------------------------------------------------------------------------------------------


@slow
@given(networks(), st.sampled_from([None, 4, 6]))
def test_right_numbers_are_never_called_wrong(
    drawn: tuple[cg.Network, np.ndarray, np.ndarray], digits: int | None
) -> None:
    net, x, y = drawn
    trace = net.trace(x, y, optimizer=cg.SGD(0.1))
    claims: dict[str, Any] = {}
    for name in net.parameters:
        for value in (f"d{name}", f"{name}_new"):
            array = trace[value]
            claims[value] = (
                array if digits is None else np.vectorize(lambda v: f"{v:.{digits}g}", otypes=[object])(array).tolist()
            )
    assert cg.diagnose(net, x, y, claims, learning_rate=0.1).correct
    single = net.copy(dtype="float32")
    coarse = single.trace(x, y, optimizer=cg.SGD(0.1))
    assert cg.diagnose(net, x, y, {n: coarse[n] for n in claims}, learning_rate=0.1).correct


def test_numbers_rounded_at_every_step_are_told_apart_from_a_mistake() -> None:
    trace = example().trace(X, Y)
    for digits in (3, 4):
        rounded = trace.rounded(digits)
        claims = {
            n: np.vectorize(lambda v, d=digits: f"{v:.{d}g}", otypes=[object])(rounded[n]).tolist()
            for n in ("dW1", "dW2")
        }
        found = cg.diagnose(example(), X, Y, claims)
        assert found.correct, (digits, found)
        wrong = trace["x"].T @ ((trace["dz2"] @ trace["W2"]) * trace["a1"] * (1 - trace["a1"]))
        claims["dW1"] = np.vectorize(lambda v, d=digits: f"{v:.{d}g}", otypes=[object])(wrong).tolist()
        assert ("da1", "the transpose of W2 is left out") in told(cg.diagnose(example(), X, Y, claims)), digits


def test_the_learning_rate_and_a_bare_zero() -> None:
    net = example()
    trace = net.trace(X, Y, optimizer=cg.SGD(0.5))
    scaled = cg.diagnose(net, X, Y, {"dW1": 0.5 * trace["dW1"], "dW2": trace["dW2"]}, learning_rate=0.5)
    assert not scaled.correct
    zero = cg.diagnose(net, X, Y, {"dW1": [[0, 0], [0, 0]]})
    assert told(zero)[0][1] == "it is left at 0" or not zero.correct
    assert not zero.correct


# -- where it sits, functions, rivals ----------------------------------------------------------------------------


def test_the_ratio_says_where_an_error_sits() -> None:
    net = cg.Network([cg.Dense(3), cg.Tanh(), cg.Dense(2)], input_shape=4, loss="SquaredError", dtype="float64", seed=1)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((1, 4)), rng.standard_normal((1, 2))
    trace = net.trace(x, y)
    odd = np.array([1.7, 0.3, 2.2])
    d = cg.diagnose(net, x, y, {"dW1": trace["dW1"] * odd})
    assert "changes along the outputs only: dz1 is off" in d.findings[0].where
    d = cg.diagnose(net, x, y, {"dW1": trace["dW1"] * np.array([[1.7], [0.3], [2.2], [1.0]])})
    assert "changes along the inputs only: x is off" in d.findings[0].where
    d = cg.diagnose(net, x, y, {"dW1": trace["dW1"] * 3.7})
    assert "3.7 times the right one: a factor" in d.findings[0].where
    assert d.causes[0].slips[0].text == "it is 3.7 times what it should be"
    assert d.unexplained == ()


def test_a_function_is_probed_where_numbers_do_not_tell() -> None:
    net = cg.Network(
        [cg.Dense(2), cg.Sigmoid(), cg.Dense(2)], input_shape=2, loss="SquaredError", dtype="float64", seed=3
    )
    x, y = np.array([[0.5, 0.5]]), np.array([[0.1, 0.2]])

    def gradients(p: dict[str, np.ndarray], x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
        z1 = x @ p["W1"] + p["b1"]
        a1 = 1 / (1 + np.exp(-z1))
        dy = 2 * (a1 @ p["W2"] + p["b2"] - y)
        dz1 = (dy @ p["W2"]) * a1 * (1 - a1)
        return {"W1": x.T @ dz1, "b1": dz1.sum(0), "W2": a1.T @ dy, "b2": dy.sum(0)}

    diagnosis = cg.diagnose(net, x, y, gradients)
    assert ("da1", "the transpose of W2 is left out") in told(diagnosis)
    with pytest.raises(cg.DataError, match="gradients by the parameters' names"):
        cg.diagnose(net, x, y, lambda p, x, y: [1, 2])  # type: ignore[arg-type,return-value]


def test_rivals_are_named_with_an_input_that_tells_them_apart() -> None:
    net = cg.Network(
        [cg.Dense(2, bias=False), cg.ReLU(), cg.Dense(1, bias=False)],
        input_shape=2,
        loss="SquaredError",
        dtype="float64",
    )
    net.set_parameters(W1=[[0.5, 0.4], [0.3, 0.8]], W2=[[0.7], [0.9]])
    x, y = [[1.0, 1.0]], [[0.0]]
    trace = net.trace(x, y)
    flipped = cg.diagnose(net, x, y, {"dW2": -trace["dW2"]})
    assert flipped.causes[0].instead
    assert "would give the same numbers here" in flipped.to_text()


# -- speed, printing, bad input ----------------------------------------------------------------------------------


def test_a_hundred_thousand_parameters_in_seconds() -> None:
    net = cg.Network([cg.Dense(128), cg.ReLU(), cg.Dense(10), cg.Softmax()], input_shape=784, loss="CrossEntropy")
    rng = np.random.default_rng(0)
    x, y = rng.random((32, 784)), rng.integers(0, 10, 32)
    trace = net.copy(dtype="float64").trace(x, y)
    start = time.perf_counter()
    diagnosis = cg.diagnose(net, x, y, {"dW1": trace["x"].T @ trace["da1"], "dW2": trace["dW2"]})
    assert told(diagnosis) == [("dz1", "the mask is left out")]
    assert time.perf_counter() - start < 10


def test_pairs_on_the_documents_networks_in_under_a_second() -> None:
    two = cg.load_example("two_layers")
    claims = {"W1_new": np.array([[0.14976095, 0.1995219], [0.24969829, 0.29939658]]).T}
    start = time.process_time()
    cg.diagnose(two.network, two.x, two.y, claims, learning_rate=0.5)
    assert time.process_time() - start < 1


def test_reports_in_every_form() -> None:
    net = example()
    trace = net.trace(X, Y)
    diagnosis = cg.diagnose(net, X, Y, {"dW2": 2 * trace["dW2"], "dW1": trace["dW1"]})
    assert diagnosis.to_html().startswith("<!DOCTYPE html>")
    assert diagnosis.to_markdown().startswith("# dW2")
    assert diagnosis.to_latex().startswith(r"\documentclass")
    found = json.loads(diagnosis.to_json())
    assert found["correct"] is False
    assert found["first_wrong"] == "dW2[0, 0]"
    assert found["findings"][1]["verdict"] == "wrong" or found["findings"][0]["verdict"] == "wrong"
    assert found["causes"][0]["slips"][0]["value"] == "dW2"


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({}, "none came"), ({"dW3": 1.0}, "did you mean"), ({"dW1": [1.0]}, r"dW1 has shape \(1,\)"),
        ({"dW1": [["a", "b"], ["c", "d"]]}, "must hold numbers"), ({"dW1": [[1.0], [1.0, 2.0]]}, "rows of equal length"),
        ({"dW1": [[float("nan"), 1.0], [1.0, 1.0]]}, "NaN"), ({"dW1": None}, "must hold numbers"),
        ({"dW1[0, 0]": 1.0, "dW1": [[1.0, 1.0], [1.0, 1.0]]}, "claimed twice"), ({"L_next": 0.3}, "give learning_rate"),
        ({"dW1[5, 0]": 1.0}, "outside"), (3, "numbers by name"),
    ],
)  # fmt: skip
def test_bad_claims_are_refused_kindly(claims: Any, message: str) -> None:
    with pytest.raises(cg.ChalkgradError, match=message):
        cg.diagnose(example(), X, Y, claims)


def test_a_transposed_answer_is_recognised() -> None:
    net = cg.Network([cg.Dense(3)], input_shape=2, loss="SquaredError", dtype="float64")
    with pytest.raises(cg.ShapeError, match="looks transposed"):
        cg.diagnose(net, [[1.0, 2.0]], [[0.0, 1.0, 2.0]], {"dW1": np.ones((3, 2))})


@pytest.mark.parametrize("kind", ["toml", "json", "csv", "npz"])
def test_check_reads_answers(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = cg.load_example("web").trace()
    wrong = trace["x"].T @ ((trace["dz2"] @ trace["W2"]) * trace["a1"] * (1 - trace["a1"]))
    file = tmp_path / f"answers.{kind}"
    rows = [[f"{v:.9f}" for v in row] for row in wrong]
    match kind:
        case "toml":
            file.write_text(f"dW1 = {json.dumps(rows)}\n".replace('"', ""))
        case "json":
            file.write_text(json.dumps({"dW1": rows}))
        case "csv":
            file.write_text("".join(f"dW1[{i}, {o}],{rows[i][o]}\n" for i in range(2) for o in range(2)))
        case _:
            np.savez(file, dW1=wrong)
    assert main(["check", "web", "--claimed", str(file)]) == 1
    assert "the transpose of W2 is left out" in capsys.readouterr().out
    assert main(["check", "web", "--claimed", str(file), "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["causes"]
    assert main(["check", "web"]) == 0
    assert "dW1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "x", "answers are .toml"), ("a.json", "[1]", "must hold names and numbers"), ("a.json", "{", "is no JSON file"),
        ("a.toml", "= 3", "is no TOML file"), ("a.csv", "dW1", "two columns"), ("a.csv", "dw1,1\ndw1,2", "there twice"),
        ("a.csv", "dw1,many", "must hold numbers"), ("a.npz", "no zip", "cannot be read"), ("none.json", None, "cannot be read"),
    ],
)  # fmt: skip
def test_bad_answer_files_are_refused_in_one_line(
    name: str, content: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_text(content)
    assert main(["check", "web", "--claimed", str(file)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_text_is_read_as_on_worksheets() -> None:
    right = diagnose_of({"dW1[0, 0]": "4.386\u00b710\u207b\u2074", "dW1[0, 1]": "0,0004977"})
    assert right.correct
    for text, said in (("1,234.5", "several points or commas"), ("see above", "is no number"), ("", "left empty")):
        with pytest.raises(cg.ChalkgradError, match=f"dW1.*{said}"):
            diagnose_of({"dW1": [["1", text], ["1", "1"]]})


def diagnose_of(claims: Any) -> Any:
    web = cg.load_example("web")
    return cg.diagnose(web.network, web.x, web.y, claims)


# -- gradients by the parameters' names ------------------------------------------------------------------------------


def _classifier() -> tuple[cg.Network, np.ndarray, np.ndarray]:
    layers = [cg.Dense(3, name="hidden"), cg.Tanh(), cg.Dense(2), cg.Softmax()]
    net = cg.Network(layers, input_shape=4, loss="CrossEntropy", dtype="float64", seed=3)
    return net, np.random.default_rng(0).standard_normal((5, 4)), np.arange(5) % 2


@pytest.mark.parametrize(
    "form", [lambda g: g, dict, lambda g: {n: a.astype(float).round(4).tolist() for n, a in g.items()}]
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_gradients_gives_is_taken_for_gradients(form: Any, dtype: str) -> None:
    net, x, y = _classifier()
    found = cg.diagnose(net, x, y, form(net.copy(dtype=dtype).gradients(x, y)))
    assert found.correct
    assert {f.name for f in found.findings} == {"dhidden.W", "dhidden.b", "dW2", "db2"}


def test_a_wrong_one_among_them_is_found() -> None:
    net, x, y = _classifier()
    given = net.gradients(x, y)
    given["hidden.W"] *= 5  # 1/N was left out
    for claims in (given, dict(given)):
        found = cg.diagnose(net, x, y, claims)
        assert [f.name for f in found.findings if f.verdict == "wrong"] == ["dhidden.W"]
        assert found.causes


def test_a_parameter_is_what_its_numbers_say_and_never_silently_wrong() -> None:
    net, x, y = _classifier()
    W2, dW2 = net.parameters["W2"], net.gradients(x, y)["dW2"]
    assert cg.diagnose(net, x, y, {"W2": W2, "dW2": dW2}).correct
    (new,) = cg.diagnose(net, x, y, {"W2": W2 - 0.1 * dW2}, learning_rate=0.1).findings
    assert (new.name, new.verdict) == ("W2_new", "right")
    with pytest.raises(cg.DataError, match=r"W2 is a parameter .* claim dW2 for its gradient, or W2_new"):
        cg.diagnose(net, x, y, {"W2": 3 * dW2})
    with pytest.raises(cg.DataError, match="dW2 is claimed twice"):
        cg.diagnose(net, x, y, {"W2": dW2, "dW2": dW2})
