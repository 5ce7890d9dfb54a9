"""The table of a sweep: mean and spread over the seeds of every choice of settings."""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..base.columns import table
from .directory import Outcome
from .plan import Group, Plan

QUANTITIES = ("validation_accuracy", "validation_loss", "accuracy", "loss", "training_loss")
"""What is averaged; the first that there is says which settings are best, and it is no figure of the test set's unless
there is nothing else."""
HEADS = {
    "validation_accuracy": "validation, %",
    "validation_loss": "validation loss",
    "accuracy": "test, %",
    "loss": "test loss",
    "training_loss": "training loss",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A quantity over the seeds.

    Attributes:
        mean: the arithmetic mean.
        spread: the sample standard deviation, by n - 1; None for one seed.
    """

    mean: float
    spread: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        """That of some values, at least one."""
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)

    def text(self, *, percent: bool) -> str:
        """Mean and spread, in percent with two digits after the point, or to the second digit of the spread."""
        if percent:
            return f"{100 * self.mean:.2f}" + ("" if self.spread is None else f" ± {100 * self.spread:.2f}")
        if not self.spread:
            return f"{self.mean:.4g}" + ("" if self.spread is None else " ± 0")
        digits = 1 - math.floor(math.log10(self.spread))
        if not 0 <= digits <= 6:
            return f"{self.mean:.4g} ± {self.spread:.2g}"
        return f"{self.mean:.{digits}f} ± {self.spread:.{digits}f}"


@dataclass(frozen=True, slots=True)
class Row:
    """The runs of one choice of settings.

    Attributes:
        group: the settings.
        outcomes: what came of every seed.
        figures: the quantities, by name, over the runs that are done.
    """

    group: Group
    outcomes: tuple[Outcome, ...]
    figures: dict[str, Figure]

    @property
    def done(self) -> list[Outcome]:
        """The runs that count."""
        return [o for o in self.outcomes if o.status == "done"]


def rows(plan: Plan, outcomes: Sequence[Outcome]) -> list[Row]:
    """The rows of the table, in the plan's order."""
    found: list[Row] = []
    for group in plan.groups:
        own = tuple(o for o in outcomes if o.run.group is group)
        figures: dict[str, Figure] = {}
        for quantity in QUANTITIES:
            values = [getattr(o, quantity) for o in own if o.status == "done"]
            if values and all(v is not None and math.isfinite(v) for v in values):
                figures[quantity] = Figure.of(values)
        found.append(Row(group, own, figures))
    return found


def judged_by(found: Sequence[Row]) -> str | None:
    """The quantity that says which row is best: the first that all rows with a run have."""
    counted = [row for row in found if row.done]
    return next((q for q in QUANTITIES if counted and all(q in row.figures for row in counted)), None)


def best(found: Sequence[Row]) -> Row | None:
    """The row with the highest mean accuracy, or the lowest mean loss; None where nothing is done."""
    quantity = judged_by(found)
    if quantity is None:
        return None
    sign = 1.0 if quantity.endswith("accuracy") else -1.0
    return max((r for r in found if r.done), key=lambda r: sign * r.figures[quantity].mean)


def note(found: Sequence[Row]) -> str:
    """What the table's figures are, and by which of them a row is the best."""
    quantity = judged_by(found)
    judged = f"; best by {quantity.replace('_', ' ')}" if quantity and len(found) > 1 else ""
    return f"mean ± sample standard deviation (n - 1) over n seeds{judged}"


def unlike(found: Sequence[Row]) -> list[str]:
    """The settings of which some seeds were trained by one engine and some by another: their bits may differ from those
    of a training alone, where compiling took too long.
    """
    return [row.group.name for row in found if len({o.engine.partition(" ")[0] for o in row.done}) > 1]


def text(plan: Plan, found: Sequence[Row], width: int | None = 80) -> str:
    """The table as text."""
    named = [row.group.name for row in found] if any(not _by_settings(r.group) for r in found) else None
    columns = ["run"] if named else plan.columns()
    shown = [q for q in QUANTITIES if any(q in row.figures for row in found)]
    if any("accuracy" in q for q in shown):
        shown = [q for q in shown if q not in ("validation_loss", "training_loss")]
    elif len(shown) > 2:
        shown = [q for q in shown if q != "training_loss"]
    top = best(found)
    cells: list[list[str]] = []
    for row in found:
        own = [row.group.name.replace(",", ", ")] if named else [str(row.group.own.get(c, "")) for c in columns]
        lost = len(row.outcomes) - len(row.done)
        figures = [row.figures[q].text(percent="accuracy" in q) if q in row.figures else "-" for q in shown]
        count = f"{len(row.done)}" + (f" of {len(row.outcomes)}" if lost else "")
        cells.append([*own, count, *figures, "best" if row is top and len(found) > 1 else ""])
    head = [*columns, "n", *(HEADS[q] for q in shown), ""]
    if not any(line[-1] for line in cells):
        head, cells = head[:-1], [line[:-1] for line in cells]
    return table(head, cells, range(len(columns), len(columns) + 1 + len(shown)), width)


def _by_settings(group: Group) -> bool:
    return group.name == ",".join(f"{k}={v}" for k, v in group.own.items())


def as_csv(plan: Plan, outcomes: Sequence[Outcome]) -> str:
    """A line for every run, as CSV: its settings, how it ended, and its figures."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    columns = plan.columns()
    figures = ("epochs", "steps", "seconds", *QUANTITIES, "engine", "error")
    writer.writerow(["run", *columns, "seed", "status", *figures])
    for o in outcomes:
        own = [o.run.group.settings.get(c, "") for c in columns]
        values = ["" if (value := getattr(o, f)) is None else value for f in figures]
        writer.writerow([o.run.name, *own, o.run.seed, o.status, *values])
    return lines.getvalue()


def as_table(plan: Plan, found: Sequence[Row]) -> dict[str, Any]:
    """All of it as a table for JSON."""
    top = best(found)
    return {
        "data": plan.source,
        "spread": "sample standard deviation, n - 1",
        "best_by": judged_by(found),
        "best": None if top is None else top.group.name,
        "settings": [
            {
                "name": row.group.name,
                "settings": dict(row.group.settings),
                "n": len(row.done),
                "figures": {q: {"mean": f.mean, "spread": f.spread} for q, f in row.figures.items()},
                "runs": [
                    {
                        "name": o.run.name,
                        "seed": o.run.seed,
                        "status": o.status,
                        **({"error": o.error} if o.error else {}),
                        **{q: v for q in QUANTITIES if (v := getattr(o, q)) is not None and math.isfinite(v)},
                        "epochs": o.epochs,
                        "seconds": o.seconds,
                        "command": o.run.command,
                    }
                    for o in row.outcomes
                ],
            }
            for row in found
        ],
    }
