"""A worksheet as a Jupyter notebook: the sheet, its numbers as arrays, a dict for the answers."""

from __future__ import annotations

import json
import re
from typing import Any

from ..base.text import as_json
from ..render.board import Board
from .exercise import Exercise
from .names import name_and_address
from .sheet import in_rows, sheet_board

KEEP = """import json

with open("answers.json", "w", encoding="utf-8") as file:
    json.dump({name: str(number) for name, number in answers.items()}, file, indent=1, ensure_ascii=False)"""


def notebook(sheet: Exercise, *, hints: bool = False) -> str:
    """The notebook's JSON, nbformat 4; `answers` is its dict, which the last cell writes to answers.json."""
    board = sheet_board(sheet, hints=hints)
    board = Board(board.title, board.blocks[1:-2], board.style)  # the name and the list are in the dict
    cells = [
        _markdown("sheet", board.to_markdown()),
        _code("numbers", _givens(sheet)),
        _markdown("task", 'Fill in your numbers, as text so that their digits are kept: `"dw1": "0.0821"`.'),
        _code("answers", _answers(sheet)),
        _markdown("keep", "This writes your answers to `answers.json`, which is what is handed in."),
        _code("write", KEEP),
    ]
    table: dict[str, Any] = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return as_json(table) + "\n"


def _givens(sheet: Exercise) -> str:
    """The given numbers as NumPy arrays."""
    trace = sheet.trace
    lines = ["import numpy as np", ""]
    for name in ("x", "y", *sheet.example.network.parameters):
        text = in_rows(trace[name], 15)
        lines.append(f"{name.replace('.', '_')} = np.array({text})")
    states = [n for n in trace.program.given if n not in ("x", "y", "clock", "lr", "t")]
    lines += [f"{n.replace('.', '_')} = np.array({in_rows(trace[n], 15)})" for n in states]
    if "lr" in trace:
        lines.append(f"lr = {float(trace['lr'])!r}")
    if any("t" in step.inputs for step in trace.program):
        lines.append(f"t = {int(trace['t'])}")
    return "\n".join(lines)


def _answers(sheet: Exercise) -> str:
    lines = ["answers = {", '    "name": "",']
    for place, blank in enumerate(sheet.blanks, start=1):
        word = json.dumps(sheet.words[blank.address], ensure_ascii=False)
        lines.append(f'    {word}: "",  # {place}. {name_and_address(blank.address, sheet.trace)}')
    return "\n".join([*lines, "}"])


def _markdown(name: str, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": _lines(text)}


def _code(name: str, text: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name,
        "metadata": {},
        "outputs": [],
        "source": _lines(text),
    }


def _lines(text: str) -> list[str]:
    """The text as a notebook has it: lines, all but the last with their ends."""
    return re.findall(r".*\n|.+", text.strip("\n"))
