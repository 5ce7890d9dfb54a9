"""The user's own tables: CSV files with one target column."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..base.errors import DataError, nearest
from ..base.text import visible
from .archive import large
from .cells import number, quoted
from .dataset import Array, Dataset
from .layout import Layout, read_layout
from .rows import Rows, read_rows
from .splits import for_testing
from .targets import EXACT, Targets, as_text, of_numbers, of_words, read_task, untrained

USUAL = ("label", "labels", "class", "target", "y", "species", "diagnosis", "survived", "outcome")
"""Usual names of target columns, in small letters."""


def read_csv(
    path: str | Path,
    *,
    target: str | int | None = None,
    seed: int = 0,
    header: bool | None = None,
    task: str | None = None,
    loss: str | None = None,
) -> Dataset:
    """A table of numbers with one target column, as a `Dataset` with a fifth set aside for testing.

    Numbers are digits with a decimal point and an exponent (1_000 and the digits of other scripts are words), read as
    float64. The first line is a header where a cell of it is no number and stands above one, or where it is whole
    numbers in order above numbers of another kind, as pandas writes the titles of an array. Targets that are words, or
    few different whole numbers, are classes, named by the words and numbers that occur; else it is regression,
    y (N, 1). Where the file leaves something open, the data set's `notes` say what was decided.

    Args:
        path: the file, UTF-8, separated by commas, semicolons or tabs, beside the latter two with decimal commas too.
        target: the target column's name, or its number counted from 1; the last one if not given.
        seed: the seed of the split.
        header: whether the first line holds the columns' names; None to find out.
        task: "classes" or "regression"; None to find out.
        loss: the name of the loss that the network will have; it decides the task where the targets leave it open.

    Raises:
        DataError: where the file cannot be read, names a column twice, a row is longer or shorter, or a cell is no
            finite number.
    """
    path, task = Path(path), read_task(task)
    where = visible(str(path))
    layout = read_layout(path, header, target)
    column, remarks = _target_column(where, target, layout)
    rows = read_rows(path, layout, column, mixed=task == "classes")
    if header is None and _word_of_titles(layout, column, rows):
        note = (
            f"the first line is read as the columns' titles, since its {quoted(rows.words[0])} comes nowhere else; "
            "--header no reads it as a sample"
        )
        data = read_csv(path, target=target, seed=seed, header=True, task=task, loss=loss)
        return replace(data, notes=(note, *data.notes))
    if not rows.blocks:
        raise DataError(f"{where} holds a header but no samples")
    title = layout.titles[column]
    try:
        targets = _targets(f"{where}, column {visible(title)}", path, layout, column, rows, task, loss)
    except DataError as error:
        raise DataError("; ".join([str(error), *remarks])) from None
    y, classes = targets.y, targets.classes
    train, test = for_testing(len(y), seed, y if classes else None, where)
    inputs = [i for i in range(len(layout.titles)) if i != column]
    notes = [*layout.notes, *remarks]
    if header is None and not layout.notes and _number_of_titles(layout, column, rows):
        first = as_text(rows.blocks[0][0, column])
        notes.append(
            f"the first line is read as a sample, though its target, {first}, comes nowhere else; if it holds the "
            "columns' titles, say --header yes"
        )
    if _is_index(layout, column, rows.blocks):
        notes.append("the first column has no name and counts the samples: it is left out; with a name it is an input")
        inputs = inputs[1:]
        if not inputs:
            raise DataError(f"{where} has no input beside the column that counts the samples")
    x_train, x_test = _inputs(rows.blocks, inputs, test)
    columns = tuple(layout.titles[i] for i in inputs)
    notes += [*large([x_train, x_test], columns), *targets.notes, *untrained(y[train], classes)]
    return Dataset(
        path.stem, x_train, y[train], x_test, y[test], classes, str(path), columns, title, tuple(notes)
    )  # fmt: skip


def _targets(
    where: str, path: Path, layout: Layout, column: int, rows: Rows, task: str | None, loss: str | None
) -> Targets:
    values = np.concatenate([block[:, column] for block in rows.blocks])
    if rows.words:
        return of_words(where, np.array(rows.words)[values.astype(int)], task)
    targets = of_numbers(where, values, task, loss)
    if targets.classes and np.abs(values).max() >= EXACT:  # numbers that look the same may differ
        texts = read_rows(path, layout, column, as_words=True)
        places = np.concatenate([block[:, column] for block in texts.blocks]).astype(int)
        return of_words(where, np.array(texts.words)[places], task)
    return targets


def _word_of_titles(layout: Layout, column: int, rows: Rows) -> bool:
    """Whether the first line, read as a sample, looks like titles: its target is a word that comes nowhere else, while
    all others come again, and no number in it comes twice.
    """
    if layout.titled or not rows.words:
        return False
    first = np.delete(rows.blocks[0][0], column)
    if len(np.unique(first)) < len(first):
        return False
    counts = np.bincount(np.concatenate([block[:, column] for block in rows.blocks]).astype(int))
    return len(counts) > 1 and counts[0] == 1 and int(counts[1:].min()) > 1 and number(rows.words[0]) is None


def _number_of_titles(layout: Layout, column: int, rows: Rows) -> bool:
    """Whether the first line, read as a sample, may be titles that are numbers: its target comes nowhere else, while
    all others come again, and no number in it comes twice.
    """
    if layout.titled or rows.words or len(np.unique(rows.blocks[0][0])) < len(layout.titles):
        return False
    values = np.concatenate([block[:, column] for block in rows.blocks])
    others, counts = np.unique(values[1:], return_counts=True)
    return len(values) > 1 and values[0] not in others and int(counts.min()) > 1


def _inputs(blocks: list[Array], columns: list[int], test: Array) -> tuple[Array, Array]:
    """The columns of the samples to train on, and of those that are set aside; the blocks are used up."""
    count = sum(map(len, blocks))
    is_test = np.zeros(count, dtype=bool)
    is_test[test] = True
    x_train, x_test = (np.empty((n, len(columns))) for n in (count - len(test), len(test)))
    first = start = 0
    blocks.reverse()
    while blocks:
        block = blocks.pop()
        mask = is_test[first : first + len(block)]
        tests = int(mask.sum())
        end = start + len(block) - tests
        x_train[start:end] = block[~mask][:, columns]
        x_test[first - start :][:tests] = block[mask][:, columns]
        first, start = first + len(block), end
    return x_train, x_test


def _is_index(layout: Layout, column: int, blocks: list[Array]) -> bool:
    """Whether the first column has no name and counts the samples, as pandas writes a table's index."""
    if not layout.unnamed or column == 0:
        return False
    numbers = np.concatenate([block[:, 0] for block in blocks])
    return bool(numbers[0] in (0, 1) and (np.diff(numbers) == 1).all())


def _target_column(where: str, target: str | int | None, layout: Layout) -> tuple[int, tuple[str, ...]]:
    """The place of the target column, and notes on the choice."""
    titles = layout.titles
    if target is None:
        last = len(titles) - 1
        others = [t for t in titles[:last] if t.lower() in USUAL] if layout.titled else []
        if len(others) == 1 and titles[last].lower() not in USUAL:
            name = visible(others[0])
            note = f"the target is the last column, {visible(titles[last])}; --target {name} takes {name}"
            return last, (note,)
        return last, ()
    if isinstance(target, str):
        target = target.strip()
        if target in titles:
            place = titles.index(target)
            if layout.titled and target.isdecimal() and int(target) != place + 1:
                return place, (f"the target, {visible(target)}, is the column of that name, the {place + 1}. in order",)
            return place, ()
    text = str(target)
    if text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= len(titles):
        return int(text) - 1, ()
    raise DataError(f"{where} has no column {target!r}; {nearest(text, titles[:1000])}")
