"""Tables of the user's own: what a header, a number, a class is, and what is said of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chalkgrad as cg
from chalkgrad.data import rows as rows_module
from chalkgrad.data.layout import read_layout
from chalkgrad.data.rows import read_rows

read_csv = cg.data.read_csv


def written(path: Path, head: str, *lines: str) -> Path:
    file = path / "t.csv"
    file.write_text("".join(f"{line}\n" for line in ([head] if head else []) + list(lines)), encoding="utf-8")
    return file


def samples(data: cg.data.Dataset) -> int:
    return len(data.x_train) + len(data.x_test)


def floats(columns: int, target: bool = True, count: int = 20) -> list[str]:
    rng = np.random.default_rng(1)
    rows = [[f"{v:.3f}" for v in row] for row in rng.normal(size=(count, columns))]
    return [",".join([*row, "ab"[i % 2]] if target else row) for i, row in enumerate(rows)]


def wholes(columns: int, target: bool = True, count: int = 20) -> list[str]:
    rng = np.random.default_rng(1)
    rows = [[str(v) for v in row] for row in rng.integers(0, 9, (count, columns))]
    return [",".join([*row, "ab"[i % 2]] if target else row) for i, row in enumerate(rows)]


TITLES = {
    "0,1,2,label": floats(3),
    "1,2,3,label": floats(3),
    "2019,2020,2021,label": floats(3),
    "0,1,2,3,4,label": wholes(5),
    "0,1,label": wholes(2),
    "0.0,1.0,2.0,label": floats(3),
    "-1,0,1,label": floats(3),
    "400.5,410.5,label": floats(2),
    "7,label": wholes(1),
    "0.0,1.0,2.0,3.0": wholes(4, target=False),
    "0,label": floats(1),
    "0,1,2,3": floats(4, target=False),
    "0,1,2,3,4": wholes(5, target=False),
    "size,2019,2020,label": floats(3),
    ",0,1,label": floats(3),
    "# u,v,label": floats(2),
}


@pytest.mark.parametrize("head", TITLES)
def test_a_line_of_titles_is_no_sample(tmp_path: Path, head: str) -> None:
    file = written(tmp_path, head, *TITLES[head])
    data = read_csv(file)
    assert samples(data) == 20
    names = [name.removeprefix("# ") or "column 1" for name in head.split(",")]
    assert (list(data.columns), data.target) == (names[:-1], names[-1])
    said = [n for n in data.notes if "--header no" in n]
    assert bool(said) == any(c.isdigit() for c in head), "what the file leaves open is said"
    if head[0].isdigit():
        assert samples(read_csv(file, header=True)) == 20
    assert samples(read_csv(file, target=names[-1])) == 20


SAMPLES = {
    "consecutive numbers": [",".join(str(4 * i + j) for j in range(4)) for i in range(10)],
    "three whole numbers above whole numbers": ["0,1,2", *wholes(3, target=False, count=9)],
    "a word that comes again": ["0,1,2,a", *floats(3)[:9]],
    "one number, and words that do not come again": ["1,a", *(f"{i}.5,{chr(98 + i)}" for i in range(4)), "2.5,a"],
    "numbers that are not in order": ["3,1,2,4", *floats(4, target=False)[:9]],
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_no_line_of_titles(tmp_path: Path, name: str) -> None:
    lines = SAMPLES[name]
    data = read_csv(written(tmp_path, "", *lines), task="regression" if "a" not in "".join(lines) else None)
    assert samples(data) == len(lines)
    assert data.columns == tuple(str(i + 1) for i in range(len(lines[0].split(",")) - 1))


def test_what_could_be_titles_is_said_and_can_be_chosen(tmp_path: Path) -> None:
    file = written(tmp_path, "0,1,2", *wholes(3, target=False))
    data = read_csv(file)
    assert samples(data) == 21
    assert any("the first line, 0,1,2, is read as a sample" in n and "--header yes" in n for n in data.notes)
    assert samples(read_csv(file, header=True)) == 20
    assert not [n for n in read_csv(file, header=False).notes if "--header" in n]


@pytest.mark.parametrize("head", ["10,20,30", "0.1,0.2,0.3", "400,420,-7"])
def test_numbers_that_may_be_titles_above_a_target_of_few_numbers_are_spoken_of(tmp_path: Path, head: str) -> None:
    lines = [f"{line},{i % 2}" for i, line in enumerate(floats(2, target=False))]
    file = written(tmp_path, head, *lines)
    data = read_csv(file)
    assert samples(data) == 21, "it may be a sample too"
    assert any(
        f"its target, {head.split(',')[-1]}, comes nowhere else" in n and "--header yes" in n for n in data.notes
    )
    assert read_csv(file, header=True).classes == ("0", "1"), "the cure"
    assert not [n for n in read_csv(file, header=False).notes if "--header" in n]
    for first in ("0.5,0.7,1", "0.5,0.5,9"):  # comes again; no titles have one name twice
        assert not [n for n in read_csv(written(tmp_path, first, *lines)).notes if "--header" in n]


def test_a_column_that_is_called_a_target_and_is_not_the_last_is_spoken_of(tmp_path: Path) -> None:
    lines = [f"{i % 2},{line}" for i, line in enumerate(wholes(3, target=False))]
    file = written(tmp_path, "label,pixel0,pixel1,pixel2", *lines)
    assert any("the last column, pixel2; --target label takes label" in n for n in read_csv(file).notes)
    assert not [n for n in read_csv(file, target="label").notes if "--target" in n]
    assert not [n for n in read_csv(file, target="pixel2").notes if "--target" in n], "it was said"
    file = written(tmp_path, "label,pixel0,pixel1,class", *lines)
    assert not [n for n in read_csv(file).notes if "--target" in n]
    empty = written(tmp_path, "Label,pixel0,pixel1", *(f"{i % 2},{i},0" for i in range(20)))
    with pytest.raises(cg.DataError, match=r"one class.*--target Label"):
        read_csv(empty)


def test_a_missing_number_in_the_first_sample_is_named(tmp_path: Path) -> None:
    with pytest.raises(cg.DataError, match="line 1, column 1: 'NA' is no finite number"):
        read_csv(written(tmp_path, "NA,1.5,a", *floats(2)))


def test_faults_of_cells_name_their_cure(tmp_path: Path) -> None:
    for cell, cure in (
        ("", "fill it in, or leave the row out"),
        ("NA", "fill it in"),
        ("male", "give each word a number"),
    ):
        with pytest.raises(cg.DataError, match=f"line 3, column sex: '{cell}' is no finite number; .*{cure}"):
            read_csv(written(tmp_path, "sex,age,label", "1,2.5,a", f"{cell},3.5,b", *wholes(2)))


def test_an_index_without_a_name_is_left_out(tmp_path: Path) -> None:
    lines = [f"{i},{line}" for i, line in enumerate(floats(2))]
    data = read_csv(written(tmp_path, ",u,v,label", *lines))
    assert data.columns == ("u", "v")
    assert any("left out" in n for n in data.notes)
    named = read_csv(written(tmp_path, "n,u,v,label", *lines))
    assert named.columns == ("n", "u", "v"), "the cure: with a name it is an input"


@pytest.mark.parametrize(("head", "said"), [
    ("u,v,u,label", "columns 1 and 3 are both called 'u'"),
    ("u, u,u,label", "columns 1, 2 and 3"),
    ("u,,,label", "columns 2 and 3 have no name"),
    ("u,v,label,,", "the last column has no name"),
])  # fmt: skip
def test_a_column_named_twice_is_refused(tmp_path: Path, head: str, said: str) -> None:
    with pytest.raises(cg.DataError, match=f"line 1: {said}"):
        read_csv(written(tmp_path, head, *floats(head.count(","))))


@pytest.mark.parametrize(
    "cell", ["1_0", "１２", "٣٤", "infinity", "nan", "0x1F", "1e999", "1d5", "1,5", "--1", "1 2", "1\x00"]
)
def test_what_is_no_decimal_number_is_refused_in_every_way_of_reading(tmp_path: Path, cell: str) -> None:
    quoted = f'"{cell}"' if "," in cell else cell
    lines = [f"{i}.5,{'ab'[i % 2]}" for i in range(30)]
    for extra in ([], ["  "]):  # a line of blanks is left to the slow way
        file = written(tmp_path, "u,label", *lines[:25], *extra, f"{quoted},a", *lines[25:])
        match = "line .*|it holds zero bytes"
        with pytest.raises(cg.DataError, match=match) as caught:
            read_csv(file)
        if "\x00" not in cell:
            assert f"line {27 + len(extra)}, column u: {cell!r} is no finite number" in str(caught.value)


@pytest.mark.parametrize("names", [("1_2", "12", "3_1"), ("１", "1", "b"), ("1_0", "10", "1e1x")])
def test_words_that_python_takes_for_numbers_are_classes(tmp_path: Path, names: tuple[str, ...]) -> None:
    data = read_csv(written(tmp_path, "u,room", *(f"{i}.5,{names[i % 3]}" for i in range(30))))
    assert data.classes == tuple(sorted(names))
    assert sorted(np.bincount(np.concatenate([data.y_train, data.y_test])).tolist()) == [10, 10, 10]


def test_large_whole_numbers_are_told_apart_as_classes(tmp_path: Path) -> None:
    names = ("9007199254740992", "9007199254740993")
    data = read_csv(written(tmp_path, "u,id", *(f"{i}.5,{names[i % 2]}" for i in range(20)), "0.5,7", "1.5,7"))
    assert data.classes == tuple(sorted((*names, "7")))


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(
        ["1.", "+.5", "1E3", " 7 ", '"8"', "-0", "1_0", "", "x", "nan", "1e400", "２", "0x1", '"1"2', "1.2.3"]
    ),
)


@settings(max_examples=300, deadline=None)
@given(table=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=6), decimal=st.booleans())
def test_both_ways_of_reading_agree(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str]], decimal: bool
) -> None:
    mark = ";" if decimal else ","
    rows = [mark.join(row).replace(".", ",") if decimal else mark.join(row) for row in table]
    first = f"1{',' if decimal else '.'}5{mark}2"
    file = written(tmp_path_factory.mktemp("t"), mark.join("uy"), first, *rows)
    try:
        layout = read_layout(file)
    except cg.DataError:
        return
    found = []
    for quick in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            if not quick:
                patch.setattr(rows_module, "_parse", refuse)
            try:
                held = read_rows(file, layout, 1)
                found.append((np.concatenate(held.blocks).tolist(), held.words))
            except cg.DataError as error:
                found.append((str(error), ()))
    assert found[0] == found[1]


def refuse(*given: object) -> object:
    raise ValueError


def test_a_table_is_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{i},{i / 8},{'abc'[i % 3]}" for i in range(50)]
    file = written(tmp_path, "u,v,label", *lines)
    whole = read_csv(file)
    monkeypatch.setattr(rows_module, "BLOCK", 21)
    parts = read_csv(file)
    for name in ("x_train", "x_test", "y_train", "y_test"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))
    assert sorted(np.concatenate([parts.x_train, parts.x_test])[:, 0].tolist()) == list(range(50))


MEMORY = """
import resource, sys
import numpy as np
from chalkgrad.data import read_csv
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    WORK
except ValueError as error:
    print(error, file=sys.stderr)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units")
@pytest.mark.long
def test_the_memory_that_reading_takes(tmp_path: Path) -> None:
    """Many samples of many columns, many of few, and lines with far too many cells."""

    def peak(work: str) -> float:
        code = MEMORY.replace("WORK", work)
        return float(
            subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
            ).stdout
        )

    rng = np.random.default_rng(0)
    for name, shape in (("square", (3000, 785)), ("long", (600_000, 2))):
        numbers = rng.integers(0, 9, shape)
        (tmp_path / f"{name}.csv").write_text("\n".join(",".join(row) for row in numbers.astype(str).tolist()))
        held = numbers.size * 8 / 2**20
        assert peak(f"read_csv('{name}.csv', header=False)") < 2 * held + 40, name
    cells = ",".join(["1"] * 3_000_000)
    for name, text in (("one", cells), ("two", f"{cells}\n{cells}\n"), ("third", f"1,2\n3,4\n{cells}\n5,6\n7,8\n")):
        (tmp_path / f"{name}.csv").write_text(text)
        assert peak(f"read_csv('{name}.csv')") < 100, name


LAYOUTS = {
    "tabs": ("u\tv\tkind", "1.5\t2\tyes", "1.5"),
    "semicolons and decimal commas": ("u;v;kind", "1,5;2,5;yes", "1.5"),
    "decimal commas without a header": ("", "1,5;2,5;yes", "1.5"),
    "tabs and decimal commas": ("u\tv\tkind", "1,5\t-2,5e1\tyes", "1.5"),
    "semicolons and decimal points": ("u;v;kind", "1.5;2;a,b", "1.5"),
    "commas with semicolons in words": ("u,v,kind", "1.5,2,a;b", "1.5"),
    "quotes": ('"u","v","kind"', '"1.5","2","a,b"', "1.5"),
    "Excel's line": ("sep=;\nu;v;kind", "1,5;2;yes", "1.5"),
    "blank lines": ("\n\nu,v,kind", "1.5,2,yes\n\n   ", "1.5"),
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_layouts_of_files(tmp_path: Path, name: str, end: str) -> None:
    head, line, first = LAYOUTS[name]
    other = re.sub("yes|a,b|a;b", "no", line)
    text = "\n".join([head, *[line, other] * 5] if head else [line, other] * 5)
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", end).encode())
    data = read_csv(tmp_path / "t.csv")
    assert samples(data) == 10
    assert data.x_train.shape[1] == 2
    assert float(data.x_train[0, 0]) == float(first)
    assert len(data.classes) == 2
    assert any("decimal comma" in n for n in data.notes) == ("1,5" in line)


FAULTS = {
    "UTF-16": ("u,label\n1,a\n2,b\n".encode("utf-16"), "in UTF-16; save it as CSV in UTF-8"),
    "zero bytes": (b"u,label\n1,a\n2,\0b\n", "zero bytes"),
    "Latin-1": ("u,label\n1,a\n2,\xe4\n".encode("latin-1"), "line 3 is no text in UTF-8"),
    "a ragged row": (b"u,v,label\n1,2,a\n3,4,b\n5,b\n", "line 4: 2 cells, where the first line has 3"),
    "a late ragged row": (
        b"u,v,label\n" + b"1,2,a\n3,4,b\n" * 20 + b"5,6,7,b\n",
        "line 42: 4 cells, where the first line",
    ),
    "a separator at the end": (b"u,v,label\n1,2,a\n3,4,b,\n", "line 3: 4 cells.*another cell: delete it"),
    "separators at all ends": (b"u,label,\n1,a,\n2,b,\n3,a,\n", "line 1: the last column has no name"),
    "a comment": (b"u,v,label\n1,2,a\n# more\n3,4,b\n", "line 3: 1 cells.*comment"),
    "a quote that does not end": (b'u,v,label\n1,2,"a\n3,4,b\n', "line 2: a quoted cell does not end"),
    "a late one": (
        b"u,v,label\n" + b"1,2,a\n3,4,b\n" * 20 + b'1,2,"a\n3,4,b"\n',
        "line 43: a quoted cell goes over lines",
    ),
    "points among commas": (b"u;label\n1,5;a\n1.234,5;b\n" * 1, "line 3, column u: '1.234,5'.*decimal commas"),
    "a late decimal comma": (b"u;label\n" + b"1;a\n2;b\n" * 20 + b"1,5;a\n", "line 42, column u: '1,5'.*decimal"),
    "blanks": (b"u label\n1 a\n2 b\n", "one column; .* separated by commas, semicolons or tabs"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_files_are_named_with_their_line(tmp_path: Path, name: str) -> None:
    content, said = FAULTS[name]
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(cg.DataError, match=said) as caught:
        read_csv(tmp_path / "t.csv")
    assert "\n" not in str(caught.value)


def test_a_target_by_number_counts_and_a_name_comes_first(tmp_path: Path) -> None:
    file = written(tmp_path, "0,1,2,3", *floats(4, target=False))
    assert read_csv(file, target="3").target == "3"
    assert any("the column of that name, the 4. in order" in n for n in read_csv(file, target="3").notes)
    assert read_csv(file, target=3).target == "2"
    for wrong in (0, 5, -1, "7"):
        with pytest.raises(cg.DataError, match="no column"):
            read_csv(file, target=wrong)


def test_a_few_words_among_numbers_are_refused_unless_classes_are_meant(tmp_path: Path) -> None:
    file = written(tmp_path, "u,room", *(f"{i}.5,{('1', '2', '2a')[i % 3]}" for i in range(30)))
    with pytest.raises(cg.DataError, match=r"line 4, column room: the target '2a' .*--task classes"):
        read_csv(file)
    assert read_csv(file, task="classes").classes == ("1", "2", "2a")


def test_a_rare_class_in_the_first_sample_is_one_where_its_numbers_are_no_titles(tmp_path: Path) -> None:
    data = read_csv(written(tmp_path, "", "5,5,rare", *wholes(2)))
    assert samples(data) == 21
    assert "rare" in data.classes
    file = written(tmp_path, "", "3,5,rare", *wholes(2))
    assert any("its 'rare' comes nowhere else" in note and "--header no" in note for note in read_csv(file).notes)
    assert "rare" in read_csv(file, header=False).classes


def test_a_missing_number_does_not_make_classes_of_numbers(tmp_path: Path) -> None:
    rows = [f"{i},{'' if i == 3 else i + 0.5}" for i in range(20)]
    with pytest.raises(cg.DataError, match="line 5, column y: the target '' is no finite number"):
        read_csv(written(tmp_path, "a,y", *rows))


def test_a_target_by_number_keeps_the_first_sample(tmp_path: Path) -> None:
    lines = ["1,2,5", "3,4,6", "2,3,5", "1,3,6", "5,3,6", "2,2,5", "9,9,5", "8,3,6"]
    data = read_csv(written(tmp_path, "", *lines), target=2)
    assert samples(data) == 8
