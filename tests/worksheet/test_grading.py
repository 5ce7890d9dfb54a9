from __future__ import annotations

import ast
import json
import re
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chalkgrad as cg
from chalkgrad.base.address import Address
from chalkgrad.base.digits import rounded
from chalkgrad.base.errors import ChalkgradError
from chalkgrad.cli import grade as grade_command
from chalkgrad.cli import worksheet as worksheet_command
from chalkgrad.diagnosis.slips.usual import slips
from chalkgrad.worksheet import Grading, Worksheet, grade, make_worksheet
from chalkgrad.worksheet.answers import read_answers, read_number
from chalkgrad.worksheet.otter import otter_test
from chalkgrad.worksheet.own_pass import OwnPass
from chalkgrad.worksheet.results import gradescope, plain_json

NAMES = ["web", "two_layers", "cnn", "neuron", "layer", "perceptron", "residual", "shared"]


_sheets: dict[str, Worksheet] = {}


def sheet_of(name: str, **settings: Any) -> Worksheet:
    """A worksheet of an example, made once for all tests."""
    key = f"{name} {settings}"
    if key not in _sheets:
        _sheets[key] = make_worksheet(cg.load_example(name), **settings)
    return _sheets[key]


def written(sheet: Worksheet, values: Any, digits: int | None = None) -> dict[str, str]:
    """Every blank filled in from some values, rounded to the digits asked."""
    places = [(str(b.address), float(np.asarray(values[b.address.name])[b.address.place])) for b in sheet.blanks]
    return {a: f"{rounded(v, digits or sheet.digits):.15g}" for a, v in places}


def mistaken(sheet: Worksheet, output: str, words: str) -> dict[str, str]:
    """Every blank filled in by somebody who makes one mistake and goes on with what comes of it."""
    found = slips(sheet.trace.program, None, len(sheet.example.x))
    own = OwnPass(sheet.trace, slip=next(s for s in found if s.output == output and words in s.text))
    return written(sheet, {b.address.name: own.result(b.address.name) for b in sheet.blanks})


def verdicts(grading: Grading) -> dict[str, str]:
    return {str(m.blank.address): m.verdict for m in grading.marks}


def by_value(grading: Grading) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for mark in grading.marks:
        found.setdefault(mark.blank.address.name, set()).add(mark.verdict)
    return found


@pytest.mark.parametrize("seeds", [1, pytest.param(8, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", NAMES)
def test_right_answers_always_score_full(name: str, seeds: int) -> None:
    for seed in [None, *range(seeds)]:
        sheet = sheet_of(name, seed=seed)
        trace = sheet.trace
        by_hand = trace.rounded(sheet.digits)
        for values, digits in ((trace, 4), (trace, 9), (by_hand, 4), (trace.rounded(5), 4)):
            grading = grade(sheet, written(sheet, values, digits))
            assert grading.score == grading.points, (seed, digits, [m for m in grading.marks if m.verdict != "right"])
            assert grading.count("right") == len(sheet.blanks)
            assert not grading.causes


@pytest.mark.parametrize(
    ("name", "digits", "passes"),
    [
        *(("web", 3, 1), ("perceptron", 4, 1), ("cnn", 5, 1), ("shared", 4, 1)),
        *(
            pytest.param(name, digits, 3, marks=pytest.mark.long)
            for name in ("web", "perceptron", "cnn", "shared")
            for digits in (3, 4, 5)
        ),
    ],
)
def test_rounding_in_other_ways_scores_full(name: str, digits: int, passes: int) -> None:
    own_numbers = name != "cnn"  # two places of one of its windows are nearly the same, which rounding may turn round
    for seed in (None, 1, 2)[not own_numbers :]:
        sheet = sheet_of(name, seed=seed, kind="all" if seed is None else None, digits=digits)
        for place in range(passes):
            own = OwnPass(sheet.trace, digits=digits, seed=5000 + place)
            grading = grade(sheet, written(sheet, {b.address.name: own.result(b.address.name) for b in sheet.blanks}))
            assert grading.score == grading.points, [m for m in grading.marks if m.verdict != "right"]


def test_a_unit_of_the_last_digit_is_allowed_and_more_is_not() -> None:
    sheet = sheet_of("web", blanks=["y_hat[0, 0]"])
    right = float(sheet.trace["y_hat"][0, 0])
    for apart, verdict in ((0.0, "right"), (1e-4, "right"), (-1e-4, "right"), (5e-3, "wrong"), (-5e-3, "wrong")):
        assert verdicts(grade(sheet, {"y_hat[0, 0]": f"{right + apart:.4g}"})) == {"y_hat[0, 0]": verdict}


def test_one_students_errors_widen_nothing_for_the_next() -> None:
    sheet = make_worksheet(cg.load_example("web"), seed=3)
    before, answers = dict(sheet.comparison.apart), written(sheet, sheet.trace)
    wide = sheet.comparison.with_manners({"dz2": np.full_like(sheet.trace["dz2"], 40.0)})
    assert any(wide.apart[a] > apart for a, apart in before.items())
    assert grade(sheet, {**answers, "dW2[0, 0]": "40"}).count("wrong") == 1
    assert sheet.comparison.apart == before
    assert grade(sheet, answers).score == len(sheet.blanks)


def test_a_transpose_left_out_is_named_and_the_rest_follows() -> None:
    for seed in (None, 3, 4):
        sheet = sheet_of("web", seed=seed)
        grading = grade(sheet, mistaken(sheet, "da1", "the transpose of W2 is left out"))
        found = by_value(grading)
        assert found["da1"] == {"wrong"}
        assert found["dz1"] == found["dW1"] == {"follows"}
        assert found["dz2"] == found["dW2"] == found["dy_hat"] == found["W2_new"] == {"right"}
        assert found["W1_new"] <= {"right", "follows"}
        assert [c.text for c in grading.causes] == ["da1: the transpose of W2 is left out"]
        assert grading.score == grading.points - 2
        assert "wrong: da1: the transpose of W2 is left out" in re.sub(r"\s+", " ", grading.board().to_markdown())


def test_follow_on_credit_is_a_setting() -> None:
    sheet = sheet_of("web", seed=3)
    answers = mistaken(sheet, "da1", "the transpose of W2 is left out")
    full, half, none = (grade(sheet, answers, follow_credit=c) for c in (1.0, 0.5, 0.0))
    follow = full.count("follows")
    assert follow >= 6
    assert full.score - half.score == follow / 2
    assert full.score - none.score == follow
    with pytest.raises(ChalkgradError, match="follow_credit"):
        grade(sheet, answers, follow_credit=1.5)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        *(("neuron", 4), ("web", 18), ("cnn", 45), ("residual", 30), ("shared", 30)),
        *(pytest.param(name, 1, marks=pytest.mark.long) for name in ("neuron", "web")),
        *(pytest.param(name, 3, marks=pytest.mark.long) for name in ("cnn", "residual", "shared")),
    ],
)
def test_every_usual_mistake_is_seen_and_something_is_said(name: str, step: int) -> None:
    """Whatever is planted, only the value where it sits is wrong, and a mistake is named for it."""
    sheet = sheet_of(name, seed=1, kind="backward")
    trace = sheet.trace
    asked = {b.address.name for b in sheet.blanks}
    for slip in [s for s in slips(trace.program, None, len(sheet.example.x)) if s.output in asked][::step]:
        own = OwnPass(trace, slip=slip)
        try:
            values = {n: np.asarray(own.result(n)) for n in asked}
        except (ValueError, IndexError, TypeError):
            continue
        right = trace[slip.output]
        if values[slip.output].shape != right.shape or not np.isfinite(values[slip.output]).all():
            continue
        if not (np.abs(values[slip.output] - right) > 0.05 * np.abs(right) + 1e-9).any():
            continue
        grading = grade(sheet, written(sheet, values))
        wrong = [m for m in grading.marks if m.verdict == "wrong"]
        if values[slip.output].all():  # what follows from 0 is 0, which nobody has to compute
            assert {m.blank.address.name for m in wrong} == {slip.output}, slip
        assert all(m.cause for m in wrong), slip


def test_a_mistake_between_the_blanks_is_named_too() -> None:
    sheet = sheet_of("cnn", kind="gradients", seed=5)
    grading = grade(sheet, mistaken(sheet, "da2", "the transpose of W3 is left out"))
    assert by_value(grading) == {"dW3": {"right"}, "dW2": {"wrong"}, "dW1": {"wrong"}}
    assert [c.text for c in grading.causes] == ["da2: the transpose of W3 is left out"]


SKIP = "the skip's gradient is forgotten"
ONE_USE = "first.W gets the gradient of its other use only"


@pytest.mark.parametrize("seeds", [(1,), pytest.param((None, 2), marks=pytest.mark.long)])
@pytest.mark.parametrize(
    ("name", "output", "words"),
    [
        ("residual", "da1", f"the share from s2, da1_from_s2, is left out: {SKIP}"),
        ("residual", "da1", "the share from z2, da1_from_z2, is counted twice"),
        ("shared", "dfirst.a", f"the share from s2, dfirst.a_from_s2, is left out: {SKIP}"),
        ("shared", "dfirst.W", f"the share from z2, dfirst.W_from_z2, is left out: {ONE_USE}"),
        ("shared", "dfirst.W", "the share from first.z, dfirst.W_from_first.z, is counted twice"),
    ],
)
def test_mistakes_with_shares_are_named(name: str, output: str, words: str, seeds: tuple[int | None, ...]) -> None:
    for seed in seeds:
        for kind in ("backward", "gradients"):
            sheet = sheet_of(name, seed=seed, kind=kind)
            grading = grade(sheet, mistaken(sheet, output, words))
            assert [c.text for c in grading.causes] == [f"{output}: {words}"], (seed, kind)
            if kind == "backward":
                found = by_value(grading)
                assert found.pop(output) == {"wrong"}
                assert set().union(*found.values()) <= {"right", "follows"}


def test_the_sheet_asks_for_shares_and_says_what_they_are() -> None:
    sheet = sheet_of("residual", seed=1)
    assert {"da1_from_z2", "da1_from_s2", "da1"} <= {b.address.name for b in sheet.blanks}
    for hints in (False, True):
        text = re.sub(r"\s+", " ", sheet.board(hints=hints).to_text())
        assert "da1_from_s2 is what comes back to a1 through s2" in text
    assert "come back" not in sheet_of("web").board().to_text()


def test_slips_of_the_pen() -> None:
    sheet = sheet_of("web", seed=3, kind="gradients")
    answers = written(sheet, sheet.trace)
    answers["dW1[0, 0]"] = answers["dW2[0, 1]"]
    answers["dW2[1, 1]"] = f"{10 * float(answers['dW2[1, 1]']):.4g}"
    answers["dW2[0, 0]"] = f"{-float(answers['dW2[0, 0]']):.4g}"
    answers["dW1[1, 1]"] = "7.77"
    marks = {str(m.blank.address): m for m in grade(sheet, answers).marks}
    assert marks["dW1[0, 0]"].cause.endswith("this is the number of ∂E/∂w7")
    assert marks["dW2[1, 1]"].cause.endswith("1 place too far to the right")
    assert "sign" in marks["dW2[0, 0]"].cause
    assert marks["dW1[1, 1]"].verdict == "wrong"
    assert marks["dW1[1, 1]"].cause == ""
    assert marks["dW2[0, 1]"].verdict == "right"


def test_two_mistakes_are_both_named() -> None:
    sheet = sheet_of("web", seed=3)
    found = slips(sheet.trace.program, None, 1)
    first = next(s for s in found if s.output == "dz2" and "derivative is left out" in s.text)
    second = next(s for s in found if s.output == "da1" and "transpose" in s.text)
    before = OwnPass(sheet.trace, slip=first)
    held = {"dz2": np.asarray(before.result("dz2"))}
    own = OwnPass(sheet.trace, held, second)
    grading = grade(
        sheet,
        written(sheet, {b.address.name: held.get(b.address.name, own.result(b.address.name)) for b in sheet.blanks}),
    )
    assert [c.slip.output for c in grading.causes if c.slip] == ["dz2", "da1"]
    assert by_value(grading)["dW2"] == {"follows"}


def test_missing_answers() -> None:
    sheet = sheet_of("web", seed=3)
    answers = written(sheet, sheet.trace)
    assert grade(sheet, {}).score == 0
    assert grade(sheet, {}).count("missing") == 24
    del answers["dW1[0, 0]"]
    answers["dz2[0, 0]"] = "  "
    answers["dz2[0, 1]"] = "____"
    grading = grade(sheet, answers)
    assert grading.count("missing") == 3
    assert grading.count("right") == 21


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.0821", 0.0821),
        ("0,0821", 0.0821),
        (" -0,5 ", -0.5),
        ("\u22120.5", -0.5),
        ("1/3", 1 / 3),
        ("-2 / 8", -0.25),
        ("3e-4", 3e-4),
        ("3E-04", 3e-4),
        ("3,5e-4", 3.5e-4),
        ("3*10^-4", 3e-4),
        ("3 · 10^{-4}", 3e-4),
        ("1.5 x 10**2", 150.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("≈ 0.25", 0.25),
        ("= 7", 7.0),
        ("x = 0.1449", 0.1449),
        ("dW1[0, 0] = 0.1449", 0.1449),
        ("144.9\u00b710\u207b\u00b3", 0.1449),
        ("1,449e-1", 0.1449),
        ("1.449 x 10^-1", 0.1449),
        ("1.449\u00d710^{-1}", 0.1449),
        ("1.449E\u221201", 0.1449),
        ("$1.449 \\cdot 10^{-1}$", 0.1449),
        ("(0.1449)", 0.1449),
        ("0.1449.", 0.1449),
        ("\u20090.1449\u00a0", 0.1449),
        ("1\u202f234.5", 1234.5),
        ("1,234", 1.234),
        ("32.3%", 0.323),
        ("32,3 %", 0.323),
        ("\u00bd", 0.5),
        ("\u22121\u00bd", -1.5),
        ("1 1/2", 1.5),
        ("\u00bd%", 0.005),
        ("1/\u00bd", 2.0),
        ("2^\u00bd", 2**0.5),
        ("\u2154\u00b2", 4 / 9),
        ("2*1\u00bd", 3.0),
        ("(1/2)%", 0.005),
        ("\u2202E/\u2202w1 = -0.0821", -0.0821),
        ("0.35*0.5 = 0.175", 0.175),
        ("w1 = 1/3 = 0.333", 1 / 3),
        ("\u221a2", 2**0.5),
        ("1\u20443", 1 / 3),
        ("0.35*0.5", 0.175),
        ("0,35 \u00b7 0,5", 0.175),
        ("0.35 x 0.5", 0.175),
        ("(1-0.2)*3", 2.4),
        ("2^3", 8.0),
        ("-2^2", -4.0),
        ("2^-1^2", 0.5),
        ("3 - 2 - 1", 0.0),
        ("8/4/2", 1.0),
        ("2*-3", -6.0),
        ("sqrt(2)", 2**0.5),
        ("\u221a(4)", 2.0),
        ("1/(1+exp(-0.3))", 0.574442516811659),
        ("-0", 0.0),
        ("1e-400", 0.0),
        (0.25, 0.25),
        (3, 3.0),
        (np.float64(0.5), 0.5),
    ],
)
def test_numbers(text: Any, value: float) -> None:
    answer = read_number(text)
    assert answer is not None
    assert answer.value == pytest.approx(value, rel=1e-12)


UNREADABLE = [
    "abc", "?", "see above", "1,234.5", "1.234,5", "1,234,567", "1/0", "nan", "inf", "1e999", "1e400", "0.1.2", "--3", True,
    np.True_, [1], {"a": 1}, "1e", "0x10", "1_000", "1.449 x 10-3", "1.449 10^-3", "0.1 0.2", "0.1, 0.2", "2(3)", "(0.5",
    "ln(0)", "(-8)^(1/3)", "9^9^9^9", "__import__('os')", "9" * 10_000, "(" * 150 + ")", 10**400, float("nan"), b"1", "0.5 m",
    "1/2%", "2^3%", "1(1/2)", "0.1\u00bd", "0.2*0.3 = 0.07", "0.5 = -0.5", "0.1 = 0",
]  # fmt: skip


@pytest.mark.parametrize("text", UNREADABLE, ids=lambda t: str(t)[:20])
def test_what_is_no_number_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_number(text)


@pytest.mark.parametrize(
    "text",
    [t if number % 4 == 0 else pytest.param(t, marks=pytest.mark.long) for number, t in enumerate(UNREADABLE)],
    ids=lambda t: str(t)[:20],
)
def test_what_is_no_number_costs_its_own_blank_only(text: Any) -> None:
    sheet = sheet_of("web", kind="gradients")
    answers: dict[str, Any] = written(sheet, sheet.trace)
    answers["dW1[0, 0]"] = text
    result = grade(sheet, answers)
    (wrong,) = [m for m in result.marks if m.verdict != "right"]
    assert (wrong.number, wrong.verdict, result.score) == (5, "wrong", 7)
    assert "not a number" in wrong.cause
    assert len(wrong.answer) <= 60
    assert "not a number" in result.to_text()
    assert not result.causes


@pytest.mark.parametrize("text", ["", "  ", "-", "\u2013", "\u2014", "____", "...", "\u2026", None])
def test_dashes_and_lines_are_missing(text: Any) -> None:
    assert read_number(text) is None


def test_digits_are_kept_as_they_are_given() -> None:
    for text, digits in (
        ("0.0800", 3),
        ("32.3%", 3),
        ("144.9\u00b710\u207b\u00b3", 4),
        ("-1,5e-3", 2),
        ("1/4", None),
        ("0", 0),
    ):
        answer = read_number(text)
        assert answer is not None
        assert answer.digits == digits, text
        assert float(answer.plain) == pytest.approx(answer.value, rel=1e-15)


def test_what_belongs_to_no_blank_is_noted() -> None:
    sheet = sheet_of("web", kind="gradients")
    answers = written(sheet, sheet.trace)
    result = grade(sheet, answers | {"dww5": "1", "dz1[0, 0]": "1", "\x1b[2J": "1"})
    assert result.score == 8
    assert len(result.notes) == 3
    assert "dww5 is no blank of this worksheet; did you mean 'dw5'?" in result.notes
    assert "did you mean 'dw5'?" in result.to_text()
    assert "\x1b" not in result.to_text()
    assert "did you mean" in json.loads(gradescope(result))["output"]
    with pytest.raises(ChalkgradError, match="did you mean 'dw5'"):
        grade(sheet, {"dww5": "1", "name": "N"})
    with pytest.raises(ChalkgradError, match="no blank of this worksheet"):
        grade(sheet, {"dz1[0, 0]": "1"})
    many = grade(sheet, answers | {f"k{i}": "1" for i in range(1000)})
    assert len(many.notes) < 30
    assert "980 more answers" in many.notes[-1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([1, 2, 3], "3 numbers instead of 2 x 2"),
        ([[1, 2], [3]], "not of equal length"),
        ([[1, 2, 3], [4, 5, 6]], "2 x 3 instead of 2 x 2"),
        ("?", "not a number: '?'"),
        (True, "not a number: 'True'"),
    ],
)
def test_a_whole_value_of_another_shape_costs_its_own_blanks(given: Any, said: str) -> None:
    sheet = sheet_of("web", kind="gradients")
    result = grade(sheet, {"dW1": given, "dW2": sheet.trace["dW2"]})
    assert result.score == 4
    assert all(said in m.cause for m in result.marks if m.blank.address.name == "dW1")
    assert grade(sheet, {"dW1": "", "dW2": sheet.trace["dW2"]}).count("missing") == 4


def test_a_transposed_matrix_is_said_to_be_one() -> None:
    sheet = sheet_of("cnn", blanks=["dW2"])
    right = sheet.trace["dW2"]
    result = grade(sheet, {"dW2": right.T.tolist()})
    assert result.score == 0
    assert all(m.cause == "dW2 is transposed: 2 x 4 instead of 4 x 2" for m in result.marks)
    square = sheet_of("web", blanks=["dW2", "W2_new"], seed=3)
    result = grade(square, {n: square.trace[n].T for n in ("dW2", "W2_new")})
    causes = {m.cause for m in result.marks if m.verdict == "wrong"}
    assert all("the transpose" in cause for cause in causes)
    assert "W2_new: its numbers are those of the transpose" in causes


def test_answered_twice() -> None:
    sheet = sheet_of("web", kind="gradients")
    answers = written(sheet, sheet.trace)
    assert grade(sheet, answers | {"dw1": answers["dW1[0, 0]"]}).score == 8
    for word in ("1", "?"):
        result = grade(sheet, answers | {"dw1": word})
        assert result.score == 7
        assert "answered twice" in result.marks[4].cause


def test_whole_values_and_the_students_name() -> None:
    sheet = sheet_of("web", kind="gradients")
    rows = [[f"{v:.4g}" for v in row] for row in sheet.trace["dW1"]]
    grading = grade(sheet, {"dW1": rows, "dW2": sheet.trace["dW2"], "name": "  Somebody \n"})
    assert grading.score == 8
    assert grading.student == "Somebody"
    assert "by Somebody" in grading.to_text()


def test_answer_files(tmp_path: Path) -> None:
    sheet = sheet_of("web", kind="gradients")
    right = written(sheet, sheet.trace)
    files = {
        "a.toml": "\n".join(f'"{a}" = "{v}"' for a, v in right.items()),
        "b.toml": "\n".join(f'"{a}" = {v}' for a, v in right.items()),
        "c.json": json.dumps(right),
        "d.json": json.dumps({a: float(v) for a, v in right.items()}),
        "e.csv": "address,value\n" + "\n".join(f"{a},{v}" for a, v in right.items()),
        "f.csv": "\n".join(f'"{a}","{v}"' for a, v in right.items()),
        "g.csv": "\ufeffaddress;value\n" + "\n".join(f"{a};{v.replace('.', ',')}" for a, v in right.items()),
        "h.csv": "\r\n".join(f"{sheet.words[Address.parse(a)]}\t{v}" for a, v in right.items()),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
        assert grade(sheet, read_answers(tmp_path / name, sheet)).score == 8, name
    (tmp_path / "digits.toml").write_text("dw1 = 0.0820", "utf-8")
    (answer,) = read_answers(tmp_path / "digits.toml", sheet).by_address.values()
    assert answer.text == "0.0820"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "dw1 = 0,0821", "between quotation marks"),
        ("a.json", "[1, 2]", "by address or label"),
        ("a.json", "{", "cannot be read as json"),
        ("a.csv", "dw1 0.5", "in line 1 is no address and number"),
        ("a.xlsx", "x", ".toml, .json or .csv"),
        ("a.toml", 'dw99 = "1"', "no blank of this worksheet"),
    ],
)
def test_bad_answer_files_are_refused(name: str, text: str, message: str, tmp_path: Path) -> None:
    sheet = sheet_of("web", kind="gradients")
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(ChalkgradError, match=re.escape(message)) as caught:
        read_answers(tmp_path / name, sheet)
    assert name in str(caught.value)
    with pytest.raises(ChalkgradError, match="cannot be read"):
        read_answers(tmp_path / "none.toml", sheet)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig", "mac-roman"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "name,Jürgen Müller\ndw1,{0}\n"),
        ("a.toml", 'name = "Jürgen Müller"\ndw1 = "{0}"\n'),
        ("a.json", '{{"name": "Jürgen Müller", "dw1": "{0}"}}'),
    ],
)
def test_another_encoding_costs_a_letter_and_no_number(encoding: str, name: str, text: str, tmp_path: Path) -> None:
    """As spreadsheets and editors of other systems save."""
    sheet = sheet_of("web", blanks=["dw1"])
    right = f"{sheet.trace[sheet.blanks[0].address.name][0, 0]:.6g}"
    (tmp_path / name).write_bytes(text.format(right).encode(encoding))
    grading = grade(sheet, read_answers(tmp_path / name, sheet))
    assert grading.score == 1
    assert grading.student.replace("\ufffd", "ü") == "Jürgen Müller"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.toml", 'dw2 = "1"\ndw1 = "x"', "not a number"),
        ("a.toml", f"dw1 = 0x{'F' * 6000}", "not a number"),
        ("a.json", '{"dw1": 1, "dw1": 2}', "answered twice"),
        ("a.json", '{"dw1": NaN}', "not a number"),
        ("a.json", '{"dw1": true}', "not a number"),
        ("a.csv", "dw1,1\ndw1,2", "answered twice"),
        ("a.csv", "dw2 0.5\ndw1,see above", "not a number"),
    ],
)
def test_files_with_an_odd_answer_are_graded(name: str, text: str, said: str, tmp_path: Path) -> None:
    sheet = sheet_of("web", kind="gradients")
    (tmp_path / name).write_text(text, "utf-8")
    result = grade(sheet, read_answers(tmp_path / name, sheet))
    assert result.marks[4].verdict == "wrong"
    assert said in result.marks[4].cause
    assert ("in line 1 is no address and number" in "".join(result.notes)) == (text.startswith("dw2 0.5"))


def test_names_move_nothing_on_a_terminal() -> None:
    sheet = sheet_of("web", kind="gradients")
    result = grade(sheet, {"dw1": "\x1b[2J1", "name": "Eve\x1b[2J\x1b[H24 of 24 points\u202e"})
    for text in (result.to_text(), result.board().to_html(), gradescope(result), plain_json(result)):
        assert not set(text) & set("\x1b\u202e")
    assert result.student.startswith("Eve\\x1b[2J")
    assert grade(sheet, {"dw1": "1", "name": 5}).student == "5"


def test_too_few_digits_are_no_mistake_of_a_rule() -> None:
    sheet = sheet_of("web", seed=3)
    answers = written(sheet, sheet.trace, 2)
    result = grade(sheet, answers)
    assert not result.causes
    for mark in result.marks:
        assert mark.verdict != "wrong" or mark.cause.startswith("too few digits"), mark
    assert result.count("wrong") > 10
    cut = grade(sheet, {"dw5": f"{np.trunc(float(sheet.trace['dW2'][0, 0]) * 1e3) / 1e3:.3f}"})
    assert all(m.cause.startswith("too few digits") for m in cut.marks if m.verdict == "wrong")


def test_names_are_whole_in_what_is_said() -> None:
    """An address has a comma in it."""
    sheet = sheet_of("perceptron", kind="backward", seed=1)
    address = next(b.address for b in sheet.blanks if b.address.name == "da1")
    answers = written(sheet, sheet.trace)
    answers[str(address)] = f"{1000 * float(answers[str(address)]):.6g}"
    (cause,) = grade(sheet, answers).causes
    assert cause.text == "da1[0, 0]: the decimal point is 3 places too far to the right"


def test_gradescopes_results() -> None:
    sheet = sheet_of("web", seed=3, points=0.5)
    found = json.loads(gradescope(grade(sheet, mistaken(sheet, "da1", "the transpose of W2"))))
    assert set(found) == {"score", "output", "output_format", "visibility", "tests"}
    assert found["score"] == sum(t["score"] for t in found["tests"]) == 11
    for test in found["tests"]:
        assert {"name", "number", "score", "max_score", "status", "output", "visibility"} <= set(test)
        assert test["status"] in ("passed", "failed")
        assert test["visibility"] in ("visible", "hidden", "after_due_date", "after_published")
        assert test["max_score"] == 0.5
    assert any("the transpose of W2 is left out" in t["output"] for t in found["tests"])


def test_plain_json() -> None:
    sheet = sheet_of("web", seed=3)
    found = json.loads(plain_json(grade(sheet, {"dw1": "0.5", "name": "N"})))
    assert (found["student"], found["points"], found["seed"]) == ("N", 24, 3)
    assert len(found["blanks"]) == 24
    assert found["blanks"][0]["verdict"] == "missing"


def otter_cases(sheet: Worksheet) -> list[dict[str, Any]]:
    """The cases of a sheet's Otter test, which are literals."""
    module = ast.parse(otter_test(sheet))
    named = {n.targets[0].id: ast.literal_eval(n.value) for n in module.body if isinstance(n, ast.Assign)}  # type: ignore[attr-defined]
    assert named["OK_FORMAT"] is True
    test = named["test"]
    assert set(test) == {"name", "points", "suites"}
    (suite,) = test["suites"]
    assert set(suite) == {"cases", "scored", "setup", "teardown", "type"}
    assert suite["type"] == "doctest"
    assert not suite["setup"]
    return suite["cases"]


def otter_passes(case: dict[str, Any], answers: Any) -> tuple[bool, str]:
    """Runs one case as Otter does: by itself, with a notebook's globals."""
    import doctest

    said: list[str] = []
    parsed = doctest.DocTestParser().get_doctest(case["code"], {"answers": answers}, "case", "", 0)
    failed = doctest.DocTestRunner(verbose=False).run(parsed, out=said.append).failed
    return not failed, "".join(said)


@pytest.mark.parametrize("words", ["", "the transpose of W2 is left out"])
def test_the_otter_test_gives_the_points_that_grading_gives(words: str) -> None:
    sheet = sheet_of("web", seed=3, points=0.5)
    answers = mistaken(sheet, "da1", words) if words else written(sheet, sheet.trace)
    answers = {sheet.words[Address.parse(a)]: v for a, v in answers.items()}
    odd = {
        sheet.words[sheet.blanks[0].address]: "?",
        sheet.words[sheet.blanks[1].address]: "",
        "name": "N",
        "more": "1",
    }
    for changed in ({}, odd):
        marks = grade(sheet, {**answers, **changed}).marks
        for case, mark in zip(otter_cases(sheet), marks, strict=True):
            passes, text = otter_passes(case, {**answers, **changed})
            assert passes == (mark.verdict in ("right", "follows")), mark
            assert case["points"] * passes == mark.score
            assert passes or mark.verdict in text


def test_the_otter_test_reads_numbers_as_grading_does() -> None:
    sheet = sheet_of("web", blanks=["dout_h1"], seed=7)
    (case,) = otter_cases(sheet)
    for text in (
        "-0,01044",
        "-1.044\u00b710\u207b\u00b2",
        "-1/96",
        "\u22120.01044",
        "-1.044 %",
        -0.01044,
        np.float32(-0.01044),
    ):
        assert otter_passes(case, {"dout_h1": text})[0], text
    for text in ("0.01044", "", None, True, "see above"):
        assert not otter_passes(case, {"dout_h1": text})[0], text


def test_the_otter_test_is_hidden_and_shows_no_right_number() -> None:
    sheet = sheet_of("web", seed=3)
    text = otter_test(sheet)
    assert all(case["hidden"] for case in otter_cases(sheet))
    for blank in sheet.blanks:
        right = float(sheet.trace[blank.address.name][blank.address.place])
        assert repr(right)[:6] not in text
    _, said = otter_passes(otter_cases(sheet)[5], {"dw5": "9"})
    assert "Traceback" not in said


def test_the_otter_test_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = sheet_of("web", blanks=["dout_h1"], seed=7)
    (case,) = otter_cases(sheet)
    broken = {**case, "code": re.sub(r"1, '.{40}", "1, '", case["code"])}
    assert "make the test again" in otter_passes(broken, {"dout_h1": "1"})[1]
    monkeypatch.setitem(__import__("sys").modules, "chalkgrad.worksheet.otter", None)
    passes, said = otter_passes(case, {"dout_h1": "1"})
    assert not passes
    assert said.rstrip().endswith("ImportError: this test needs chalkgrad where it runs, which is not installed here")


def making(**changes: Any) -> Namespace:
    usual = {
        "file": "web", "out": "sheet", "blanks": None, "kind": None, "seed": None, "count": None, "digits": 4,
        "points": 1.0, "step": None, "format": None, "hints": False,
    }  # fmt: skip
    return Namespace(**{**usual, **changes})


def grading(**changes: Any) -> Namespace:
    usual = {"worksheet": "sheet", "answers": ["sheet/answers.toml"], "out": None, "format": None, "follow_credit": 1.0}
    return Namespace(**{**usual, **changes})


def test_both_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert worksheet_command.run(making(seed=5, blanks=["dW1[0, 0],dz1", "w5_new"], hints=True)) == 0
    assert "4 blanks" in capsys.readouterr().out
    made = {f.name for f in Path("sheet").iterdir()}
    assert {"worksheet.md", "worksheet.tex", "worksheet.html", "worksheet.ipynb", "worksheet.toml"} <= made
    assert not any(name.startswith("solution.") for name in made)
    assert "answers.toml" in made
    solutions = {f.name for f in Path("sheet/solution").iterdir()}
    assert {"solution.md", "solution.tex", "solution.html"} <= solutions
    assert grade_command.run(grading()) == 0
    assert capsys.readouterr().out.startswith("0 of 4 points\n")
    assert grade_command.run(grading(worksheet="sheet/worksheet.toml", out="graded")) == 0
    assert capsys.readouterr().out == "0 of 4 points; the report is in graded\n"
    made = {str(f.relative_to("graded")) for f in Path("graded").rglob("*") if f.is_file()}
    reports = {"report.txt", "report.md", "report.html", "results.json", "grading.json", "tests/worksheet.py"}
    assert made == {*reports, "written.sha256"}
    assert grade_command.run(grading(format=["html"])) == 0
    assert capsys.readouterr().out.startswith("<!DOCTYPE html>")


def test_a_sheet_for_every_student(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    worksheet_command.run(making(out="class", seed=10, count=3, kind="gradients", format=["markdown"]))
    assert sorted(f.name for f in Path("class").iterdir()) == ["sheet-10", "sheet-11", "sheet-12", "solutions"]
    assert sorted(f.name for f in Path("class/sheet-10").iterdir()) == [
        "answers.toml",
        "worksheet.md",
        "worksheet.toml",
    ]
    assert Path("class/solutions/sheet-12/solution.md").exists()
    sheets = {f.read_text("utf-8") for f in Path("class").glob("sheet-*/worksheet.toml")}
    assert len(sheets) == 3
    with pytest.raises(ChalkgradError, match="needs --seed"):
        worksheet_command.run(making(count=3))
    with pytest.raises(ChalkgradError, match="cannot be written"):
        worksheet_command.run(making(out="class/sheet-10/worksheet.toml"))


def test_blanks_are_split_at_commas_outside_brackets() -> None:
    assert worksheet_command.split(["dW1[0, 0],dz1 , w1", "L"]) == ["dW1[0, 0]", "dz1", "w1", "L"]
    assert worksheet_command.split(None) is None
    assert worksheet_command.split([" dW1[0, "]) == ["dW1[0,"]


CONSTANTS = ["0", "1", "-1", "0.5", "10", "1e-3", "1e6", "1e300", "1e-12"]


@pytest.mark.parametrize("constants", [CONSTANTS[::4], pytest.param(CONSTANTS, marks=pytest.mark.long)], ids=len)
@pytest.mark.parametrize("name", ["web", "neuron", "layer"])
@pytest.mark.parametrize("kind", ["backward", "all"])
def test_one_number_everywhere_earns_what_it_is_right_in(name: str, kind: str, constants: list[str]) -> None:
    sheet = sheet_of(name, kind=kind)
    for constant in constants:
        result = grade(sheet, {str(b.address): constant for b in sheet.blanks})
        assert result.count("follows") == 0, constant
        assert result.score <= 0.1 * result.points, constant


def test_one_number_everywhere_earns_nothing_where_it_is_right_by_chance() -> None:
    """A pooling window's losers are 0: whoever writes 0 into every blank does not know that."""
    sheet = sheet_of("cnn", kind="backward")
    zeros = [m for m in sheet.blanks if sheet.trace[m.address.name][m.address.place] == 0]
    assert 10 * len(zeros) > len(sheet.blanks)
    for constant in ("0", "-0.0", "1e-13"):
        result = grade(sheet, {str(b.address): constant for b in sheet.blanks})
        assert result.score == 0
        assert {m.cause for m in result.marks if m.right == 0} == {
            f"the same number stands in {len(sheet.blanks)} blanks, so that it says nothing"
        }
    only_these = {str(b.address): "0" for b in zeros}
    assert grade(sheet, only_these).score == len(zeros)
    some = written(sheet, sheet.trace)
    assert grade(sheet, dict(list(some.items())[:20]) | only_these).score == len({*list(some)[:20], *only_these})


def test_one_right_number_everywhere_counts_where_most_of_the_right_ones_are_it() -> None:
    sheet = sheet_of("neuron", kind="backward")
    answers = dict.fromkeys((str(b.address) for b in sheet.blanks), "12")
    assert grade(sheet, answers).count("right") == 4


def test_what_says_nothing_does_not_follow() -> None:
    """Zeros, old parameters beside gradients that are nearly 0, ones and zeros in turn, a number out of reach."""
    sheet = sheet_of("web", kind="all", seed=3)
    places = [b.address for b in sheet.blanks]
    old = {
        str(a): f"{sheet.trace[a.name.removesuffix('_new')][a.place]:.6g}" if a.name.endswith("_new") else "1e-12"
        for a in places
    }
    turns = {str(a): str(i % 2) for i, a in enumerate(places)}
    right = written(sheet, sheet.trace)
    for answers in (old, turns, dict.fromkeys(right, "0")):
        assert grade(sheet, answers).count("follows") == 0
    far = right | {a: "1e9" for a in right if a.startswith("dz2")}
    own = OwnPass(sheet.trace, {"dz2": np.full(sheet.trace["dz2"].shape, 1e9)})
    far |= {str(a): f"{float(own.result(a.name)[a.place]):.4g}" for a in places if a.name == "dW2"}
    assert {m.cause for m in grade(sheet, far).marks if m.blank.address.name == "dW2"} == {
        "it follows from a number that is out of any slip's reach"
    }


def test_the_rest_of_a_sum_with_a_wrong_0_in_it_follows() -> None:
    """A unit left out: what comes of the others is computed, what is all 0 is not."""
    sheet = sheet_of("two_layers", blanks=["dz2", "dW2", "da1"])
    left_out = np.array(sheet.trace["dz2"])
    left_out[0, 0] = 0
    own = OwnPass(sheet.trace, {"dz2": left_out})
    answers = {str(b.address): f"{float(own.value(b.address.name)[b.address.place]):.4g}" for b in sheet.blanks}
    found = by_value(grade(sheet, answers))
    assert found["da1"] == {"follows"}
    assert found["dW2"] == {"right", "wrong"}
    assert grade(sheet, dict.fromkeys(answers, "0")).score == 0


def test_given_numbers_beside_a_one_do_not_follow() -> None:
    sheet = sheet_of("neuron", kind="backward")
    copied = {"dW1[0, 0]": "1", "dW1[1, 0]": "-2", "dW1[2, 0]": "3"}
    found = verdicts(grade(sheet, {str(b.address): "1" for b in sheet.blanks} | copied))
    assert {found[a] for a in copied} == {"wrong"}
    worked = {"dW1[0, 0]": "1.5", "dW1[1, 0]": "-3", "dW1[2, 0]": "4.5"}
    found = verdicts(grade(sheet, {str(b.address): "1.5" for b in sheet.blanks} | worked))
    assert {found[a] for a in copied} == {"follows"}


def test_honest_work_on_a_wrong_number_counts_where_numbers_are_copied() -> None:
    """A ReLU and a bias hand their numbers on as they are: those who go on rightly copy them."""
    sheet = sheet_of("layer", kind="backward")
    for words in ("the sign is flipped", "it is twice"):
        found = by_value(grade(sheet, mistaken(sheet, "dy_hat", words)))
        assert found["dy_hat"] == {"wrong"}
        assert all(verdicts == {"follows"} for name, verdicts in found.items() if name != "dy_hat")
