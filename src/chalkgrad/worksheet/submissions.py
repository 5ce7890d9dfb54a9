"""The submissions of a class: a file or a folder for every student."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import DataError
from .files import ANSWERS, SHEET, SOLUTIONS

ENDINGS = (".toml", ".json", ".csv", ".tsv", ".txt")
GRADES, CLASS, REPORTS = "grades.csv", "class", "reports"
"""The files of a graded class: the gradebook, the report on the class, and the folder of those on every student."""
OURS = (SHEET, GRADES, *(f"{CLASS}.{ending}" for ending in ("txt", "md", "html", "tex")))
"""Files beside folders of sheets that are no answers."""
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
LONGEST = 80


@dataclass(frozen=True, slots=True)
class Submission:
    """The answers of one student.

    Attributes:
        name: what it is called: the folder's name, or the file's without its ending.
        place: the folder or the file.
        sheet: the worksheet that it answers.
        answers: the files that may be the answers: of several the one that is filled in counts.
        fault: why it cannot be graded; empty where nothing is known to be wrong.
    """

    name: str
    place: Path
    sheet: Path
    answers: tuple[Path, ...]
    fault: str = ""


def find(paths: Sequence[Path]) -> list[Submission]:
    """The submissions in what `chalkgrad grade` is given.

    Either folders that each hold a sheet of their own with its answers (or folders of such folders), or first a
    worksheet (the file or its folder), then files of answers, folders with one, and folders of both.

    Raises:
        DataError: where there are none.
    """
    first = paths[0]
    direct = [_is_file(p / SHEET) for p in paths]
    if all(direct):
        submissions = [_with_own_sheet(p) for p in paths]
    elif not any(direct) and all(p.is_dir() and any(_is_file(c / SHEET) for c in _children(p)) for p in paths):
        submissions = [s for p in paths for s in _class(p)]
    elif len(paths) == 1:
        raise DataError(
            f"{first} has no answers: give the worksheet and then answers (chalkgrad grade sheet/{SHEET} "
            f"answers.toml), or folders that each hold {SHEET} and answers"
        )
    else:
        sheet = first / SHEET if first.is_dir() else first
        submissions = [s for p in paths[1:] for s in _answering(p, sheet)]
    if not submissions:
        raise DataError(f"there are no answers in {', '.join(map(str, paths[1:] or paths))}")
    return submissions


def report_names(submissions: Iterable[Submission]) -> list[str]:
    """A folder's name for every submission's report, each another, on every file system; none leads elsewhere."""
    folders: set[str] = set()
    names: list[str] = []
    for submission in submissions:
        characters = "".join(
            c if c.isalnum() or c in " -_." else "_" for c in unicodedata.normalize("NFC", submission.name)
        )
        bare = characters[:LONGEST].strip(" .") or "student"
        if bare.partition(".")[0].lower() in RESERVED:
            bare = f"_{bare}"
        name, count = bare, 1
        while name.casefold() in folders:
            count += 1
            name = f"{bare}-{count}"
        folders.add(name.casefold())
        names.append(name)
    return names


def _class(folder: Path) -> list[Submission]:
    """A folder of folders that each hold a sheet and answers; whatever else is there is named, not passed over."""
    submissions: list[Submission] = []
    for child in _children(folder):
        if child.is_dir():
            if child.name not in (SOLUTIONS, REPORTS):
                submissions.append(_with_own_sheet(child))
        elif child.suffix.lower() in ENDINGS and child.name not in OURS:
            fault = f"it lies beside the sheets: put it into the folder with its {SHEET}"
            submissions.append(Submission(child.stem, child, folder / SHEET, (), fault))
    return submissions


def _with_own_sheet(folder: Path) -> Submission:
    sheet = folder / SHEET
    if not _is_file(sheet):
        return Submission(_name_of(folder), folder, sheet, (), f"the folder holds no {SHEET}")
    return _in_folder(folder, sheet)


def _answering(path: Path, sheet: Path) -> list[Submission]:
    """The submissions at a path that answer one sheet: a file, a folder with answers, or a folder of these."""
    if not path.is_dir():
        return [_file(path, sheet)]
    if any(_is_answers(c) for c in _children(path)):
        return [_in_folder(path, sheet)]
    submissions: list[Submission] = []
    for child in _children(path):
        if child.is_dir():
            if child.name not in (SOLUTIONS, REPORTS):
                submissions.append(_in_folder(child, sheet))
        elif child.name != SHEET:
            submissions.append(_file(child, sheet))
    return submissions


def _file(path: Path, sheet: Path) -> Submission:
    name = _name_of(path.parent) if _is_answers(path) and path.parent.name else path.stem
    fault = "" if path.suffix.lower() in ENDINGS else f"answers come as {', '.join(ENDINGS[:3])}"
    return Submission(name, path, sheet, (path,), fault)


def _in_folder(folder: Path, sheet: Path) -> Submission:
    """A folder with answers.toml, .json or .csv, or with one file of another name."""
    files = [c for c in _children(folder) if c.suffix.lower() in ENDINGS and c.name != SHEET and not c.is_dir()]
    answers = tuple(c for c in files if _is_answers(c)) or tuple(files)
    fault = ""
    if not answers:
        fault = f"the folder holds no answers ({ANSWERS}, .json or .csv)"
    elif len(answers) > 1 and not _is_answers(answers[0]):
        fault = f"any of {', '.join(c.name for c in answers[:4])} may be the answers: call them {ANSWERS}"
    return Submission(_name_of(folder), folder, sheet, answers, fault)


def _name_of(folder: Path) -> str:
    return folder.name or folder.resolve().name or "student"


def _is_answers(path: Path) -> bool:
    return path.stem.lower() == "answers" and path.suffix.lower() in ENDINGS


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _children(folder: Path) -> list[Path]:
    try:
        return sorted((c for c in folder.iterdir() if not c.name.startswith(".")), key=_natural_order)
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror or error}") from None


def _natural_order(path: Path) -> list[str | int]:
    """A key by which sheet-2 comes before sheet-10: words and whole numbers in turn."""
    return [int(part) if place % 2 else part for place, part in enumerate(re.split("([0-9]+)", path.name))]
