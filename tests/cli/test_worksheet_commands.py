from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

import chalkgrad as cg
from chalkgrad.cli.main import main
from chalkgrad.worksheet import read_worksheet


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What a command prints, and its one line on stderr."""
    assert main(list(words)) == code
    found = capsys.readouterr()
    if code == 2:
        assert found.err.count("\n") == 1
        assert "Traceback" not in found.err
    return found.out + found.err


@pytest.mark.parametrize(
    "words",
    [
        ["explain", "dw1", "--form", "paths"],
        ["explain"],
        ["derive", "--numbers", "--update"],
        ["draw"],
        ["write"],
        ["check"],
    ],
)
def test_a_worksheets_own_file_is_opened_as_the_example_on_it(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "worksheet", "web", "--seed", "3", "--out", "sheet", "--format", "markdown")
    command, *options = words
    shown = said(capsys, command, "sheet/worksheet.toml", *options)
    assert shown != said(capsys, command, "web", *options)  # the sheet's numbers, not the example's own


def contents(folder: str) -> dict[str, bytes]:
    return {str(f): f.read_bytes() for f in Path(folder).rglob("*") if f.is_file()}


def test_what_somebody_filled_in_is_never_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "worksheet", "web", "--seed", "1", "--out", "sheet")
    said(capsys, "worksheet", "web", "--seed", "2", "--out", "sheet")  # nobody has written anything yet
    said(capsys, "worksheet", "web", "--seed", "2", "--out", "sheet", "--format", "html")
    said(capsys, "worksheet", "web", "--seed", "1", "--out", "sheet")
    for file in ("answers.toml", "worksheet.ipynb", "worksheet.toml", "solution/solution.md"):
        own = Path("sheet") / file
        own.write_text(own.read_text("utf-8").replace("Sheet", "My sheet") + "\n# mine", "utf-8")
        before = contents("sheet")
        for seed in ("1", "3"):
            told = said(capsys, "worksheet", "web", "--seed", seed, "--out", "sheet", code=2)
            assert f"{own} is not as chalkgrad wrote it" in told
            assert "another --out" in told
        assert contents("sheet") == before
        own.rename("mine")
        said(capsys, "worksheet", "web", "--seed", "3", "--out", "sheet")
        assert contents("sheet").keys() == before.keys()
    said(capsys, "worksheet", "web", "--seed", "3", "--out", "other")


def test_of_a_class_nothing_is_written_where_one_sheet_is_filled_in(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "worksheet", "web", "--seed", "5", "--count", "2", "--out", "class", "--format", "markdown")
    assert {f.name for f in Path("class/sheet-5").iterdir()} == {"worksheet.md", "worksheet.toml", "answers.toml"}
    filled = Path("class/sheet-6/answers.toml")
    filled.write_text('name = "Eve"\n')
    before = contents("class")
    told = said(capsys, "worksheet", "web", "--seed", "4", "--count", "4", "--out", "class", code=2)
    assert str(filled) in told
    assert contents("class") == before


def test_answers_in_a_folder_that_chalkgrad_did_not_write_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    Path("own").mkdir()
    Path("own/answers.toml").write_text('dw1 = "1"\n')
    said(capsys, "worksheet", "web", "--out", "own", code=2)
    assert contents("own") == {"own/answers.toml": b'dw1 = "1"\n'}


def right(sheet: str) -> dict[str, str]:
    """Every blank of a sheet, filled in right."""
    found = read_worksheet(sheet)
    return {word: f"{float(found.trace[a.name][a.place]):.5g}" for a, word in found.words.items()}


def hand_in(file: str, answers: Mapping[str, str], name: str = "") -> None:
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text(json.dumps({"name": name, **answers}), "utf-8")


def rows(file: str) -> list[dict[str, str]]:
    with open(file, encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture
def class_sheet(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """A sheet in `sheet`, filled in right."""
    said(capsys, "worksheet", "web", "--seed", "1", "--blanks", "da1", "dW1", "--out", "sheet", "--format", "markdown")
    return right("sheet/worksheet.toml")


def test_a_class_is_graded_at_once(class_sheet: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    flipped = {k: str(-float(v)) if "out_h" in k else v for k, v in class_sheet.items()}
    hand_in("in/one.json", class_sheet, "Ann")
    hand_in("in/two/answers.json", flipped, "Bob")
    hand_in("in/three/their own name.json", flipped, "Carl")
    Path("in/four.csv").write_text("".join(f'"{k}",{v}\n' for k, v in class_sheet.items()), "utf-8")
    for given, out in (
        (["sheet", "in/one.json", "in/two", "in/three", "in/four.csv"], "apart"),
        (["sheet/worksheet.toml", "in"], "graded"),
    ):
        told = said(capsys, "grade", *given, "--out", out)
        assert "4 submissions graded" in told
        assert "da1: the sign is flipped" in told
        found = {row["name"]: row for row in rows(f"{out}/grades.csv")}
        assert {n: row["score"] for n, row in found.items()} == {"Ann": "6", "four": "6", "Bob": "4", "Carl": "4"}
        assert found["Ann"]["percent"] == "100"
        assert found["Bob"]["remark"] == "da1: the sign is flipped"
        assert [found["Bob"][word] for word in class_sheet] == ["0", "0", "1", "1", "1", "1"]
    assert re.search(r"\n +2 +da1: the sign is flipped\n", Path("graded/class.txt").read_text("utf-8"))
    reports = {f.name: {g.name for g in f.iterdir()} for f in Path("graded/reports").iterdir()}
    assert set(reports) == {"one", "two", "three", "four"}
    assert all({"report.txt", "results.json", "grading.json"} <= files for files in reports.values())
    one = said(capsys, "grade", "sheet", "in/two/answers.json")
    assert one == Path("graded/reports/two/report.txt").read_text("utf-8")  # the same as of one student


def test_folders_with_sheets_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    making = ["worksheet", "web", "--seed", "7", "--count", "3", "--blanks", "dW1", "--out", "class"]
    said(capsys, *making, "--format", "markdown")
    for place in (7, 8):  # beside the empty answers.toml
        hand_in(f"class/sheet-{place}/answers.json", right(f"class/sheet-{place}/worksheet.toml"), f"Student {place}")
    Path("class/sheet-10").mkdir()
    told = said(capsys, "grade", "class", "--out", "class")  # nothing there has these names
    assert [(r["name"], r["score"], r["points"]) for r in rows("class/grades.csv")] == [
        ("Student 7", "4", "4"), ("Student 8", "4", "4"), ("sheet-9", "0", "4"), ("sheet-10", "0", "0")
    ]  # fmt: skip
    assert "class/sheet-10: the folder holds no worksheet.toml" in told
    again = said(capsys, "grade", "class/sheet-7", "class/sheet-8", "class/sheet-9")
    assert "3 submissions graded" in again
    hand_in("class/sheet-8/answers.json", right("class/sheet-7/worksheet.toml"))
    other = said(capsys, "grade", "class/sheet-7/worksheet.toml", "class/sheet-8", code=1)
    assert "is another sheet than" in other  # never by numbers that are another student's


def test_what_cannot_be_read_costs_only_itself(class_sheet: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    hand_in("in/good.json", class_sheet)
    bad = {
        "broken.toml": "a = [",
        "deep.json": "[" * 100_000,
        "scan.pdf": "%PDF",
        "bytes.csv": "\x00",
        "nine.json": "9",
    }
    for file, text in bad.items():
        Path("in", file).write_text(text)
    Path("in/empty").mkdir()
    hand_in("in/both/answers.json", class_sheet)
    Path("in/both/answers.csv").write_text("".join(f'"{k}",{v}\n' for k, v in class_sheet.items()))
    assert main(["grade", "sheet/worksheet.toml", "in", "--out", "graded"]) == 0
    shown = capsys.readouterr()
    lines = shown.err.splitlines()
    assert len(lines) == len(bad) + 2
    for file in (*bad, "empty", "both"):
        assert sum(f"in/{file}" in line for line in lines) == 1, file
    found = {row["folder"]: row for row in rows("graded/grades.csv")}
    assert found["in/good.json"]["score"] == "6"
    for file in (*bad, "empty", "both"):
        assert (found[f"in/{file}"]["score"], found[f"in/{file}"]["points"]) == ("0", "6")
        assert found[f"in/{file}"]["remark"].startswith("unreadable: ")
        assert "Not graded" in Path("graded/reports", Path(file).stem, "report.txt").read_text("utf-8")
    Path("in/good.json").unlink()
    assert main(["grade", "sheet/worksheet.toml", "in"]) == 1  # it came to nothing


def test_names_lead_nowhere_and_no_cell_is_a_formula(
    class_sheet: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["=1+1", "+1", "-1", "@x", "\t=1", "../../up", "\x1b[2J", 'Ann, "the" one', "＝1"]
    for place, name in enumerate(names):
        hand_in(f"in/{place}.json", class_sheet, name)
    for folder in ("in/A", "in/a", "in/..", "in/con", "in/=x", "in/a*", "in/a?", "in/ü \x1b[1m", f"in/{'x' * 200}"):
        if folder != "in/..":
            hand_in(f"{folder}/answers.json", class_sheet)
    before = {f for f in Path().rglob("*") if "graded" not in f.parts}
    said(capsys, "grade", "sheet", "in", "--out", "graded")
    assert {f for f in Path().rglob("*") if "graded" not in f.parts} == before
    table = rows("graded/grades.csv")
    assert len(table) == len(names) + 8
    assert not any(cell.lstrip().startswith(tuple("=+-@\t＝")) for row in table for cell in row.values())
    assert "\x1b" not in Path("graded/grades.csv").read_text("utf-8")
    reports = sorted(f.name for f in Path("graded/reports").iterdir())
    assert len(reports) == len(table)
    assert len({name.casefold() for name in reports}) == len(table)


def test_reports_do_not_go_where_answers_lie(class_sheet: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    hand_in("in/grades.json", class_sheet)
    hand_in("in/two/answers.json", class_sheet)
    for out in ("in", "in/two"):
        assert "of their own" in said(capsys, "grade", "sheet", "in", "--out", out, code=2)
    assert "no answers" in said(capsys, "grade", "sheet/worksheet.toml", code=2)
    Path("none").mkdir()
    assert "no answers" in said(capsys, "grade", "sheet/worksheet.toml", "none", code=2)
    assert "cannot be read" in said(capsys, "grade", "nowhere", "in", code=2)
    assert "follow_credit" in said(capsys, "grade", "sheet", "in", "--follow-credit", "2", code=2)


def test_a_later_step_is_asked_for_and_opened(capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(cg.__file__).parent / "examples" / "web.toml").read_text("utf-8")
    momentum = 'optimizer = { type = "SGD", learning_rate = 0.5, momentum = 0.9 }'
    Path("own.toml").write_text(text.replace("learning_rate = 0.5", momentum), "utf-8")
    said(capsys, "worksheet", "own.toml", "--step", "3", "--blanks", "w1_new", "--out", "sheet")
    own = read_worksheet("sheet/worksheet.toml")
    opened = said(capsys, "explain", "sheet/worksheet.toml", "W1_new[0, 0]", "--steps", "2")
    assert "After 2 updates." in opened
    assert f"{own.trace['v_W1_new'][0, 0]:.6g}" in opened
    assert f"{own.trace['v_W1_new'][0, 0]:.6g}" in said(
        capsys, "derive", "sheet/worksheet.toml", "--numbers", "--update"
    )
    assert "After 2 updates." in said(capsys, "explain", "own.toml", "--after", "2")

    Path("claimed.json").write_text(json.dumps({"W1_new[0, 0]": f"{own.trace['W1_new'][0, 0]:.10g}"}))
    said(capsys, "check", "sheet/worksheet.toml", "--claimed", "claimed.json")
    assert "after 2" in said(capsys, "write", "sheet/worksheet.toml", code=2)
    said(capsys, "write", "sheet/worksheet.toml", "--steps", "0")  # as the message says
    assert "step must be a whole number" in said(capsys, "worksheet", "own.toml", "--step", "0", "--out", "no", code=2)
    assert not Path("no").exists()


def test_a_class_is_listed_as_it_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "worksheet", "neuron", "--seed", "1", "--count", "11", "--out", "class", "--format", "markdown")
    shown = said(capsys, "grade", "class", "--out", "graded")
    assert re.findall(r"^sheet-(\d+)", shown, re.M) == [str(k) for k in range(1, 12)]


def test_a_remark_in_the_table_of_grades_is_not_overwritten(
    class_sheet: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "worksheet", "neuron", "--seed", "1", "--count", "2", "--out", "class", "--format", "markdown")
    said(capsys, "grade", "class", "--out", "graded")
    said(capsys, "grade", "class", "--out", "graded")  # nobody has written anything in
    table = Path("graded/grades.csv")
    table.write_text(table.read_text("utf-8") + "well tried\n", "utf-8")
    before = contents("graded")
    assert "grades.csv is not as chalkgrad wrote it" in said(capsys, "grade", "class", "--out", "graded", code=2)
    assert contents("graded") == before
    one = ["grade", "class/sheet-1/worksheet.toml", "class/sheet-1/answers.toml", "--out", "one"]
    said(capsys, *one)
    Path("one/report.txt").write_text("mine", "utf-8")
    assert "report.txt is not as chalkgrad wrote it" in said(capsys, *one, code=2)


def test_points_and_titles_of_a_worksheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["worksheet", "web", "--points", "1e308", "--out", str(tmp_path / "s")]) == 2
    assert "points" in capsys.readouterr().err
    assert main(["worksheet", "web", "--out", str(tmp_path / "s")]) == 0
    answers = str(tmp_path / "s" / "answers.toml")
    sheet = tmp_path / "s" / "worksheet.toml"
    assert main(["grade", str(sheet), answers, "--follow-credit", "2"]) == 2
    assert "0 to 1" in capsys.readouterr().err
    text = sheet.read_text("utf-8")
    start = text.index("title = ")
    sheet.write_text(text[:start] + 'title = ["a"]' + text[text.index("\n", start) :], "utf-8")
    assert main(["grade", str(sheet), answers]) == 2
    assert "title must be text" in capsys.readouterr().err
