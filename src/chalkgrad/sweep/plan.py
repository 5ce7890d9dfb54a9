"""The plan of a sweep, as sweep.toml has it: settings, every one of them with every seed."""

from __future__ import annotations

import itertools
import math
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.checks import as_list, as_table, flag, said, whole
from ..base.checks import seed as check_seed
from ..base.errors import DataError, nearest
from ..files.toml import parse_toml
from ..files.writing import MOST_TEXT, read_bounded

KEYS = ("data", "seeds", "threads", "pictures", "settings", "grid", "run")
ELSEWHERE = {
    "seed": "seeds stand at the top: seeds = [0, 1, 2]",
    "out": "every run has its folder in that of --out",
    "resume": "a sweep that is started again goes on by itself",
    "json": "the sweep's own --json prints the table",
    "log": "all runs would write into the same folder",
    "quiet": "runs of a sweep are quiet",
    "no-pictures": "pictures = true at the top has every run draw its own",
}
"""Options of chalkgrad train that no setting is, and why."""
FOLDER, FILE = "data", "network"
"""Options that name a folder, and that may name a file: other processes must find them, wherever they run."""
MOST_RUNS = 10_000
LONGEST_NAME = 100
_NAME = re.compile(r"[\w.+-][\w .+-]*")

Setting = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Group:
    """One choice of settings, which is trained with every seed.

    Attributes:
        name: what it is called: its own settings, or the name of a [[run]]; empty where there is only one.
        own: the settings that make it another than the others, by name.
        settings: all of them, by the names of `chalkgrad train`'s options.
    """

    name: str
    own: Mapping[str, Setting]
    settings: Mapping[str, Setting]


@dataclass(frozen=True, slots=True)
class Run:
    """One training of a sweep.

    Attributes:
        group: its settings.
        seed: its seed.
        name: what it is called, which is its folder's name too.
        words: what follows `chalkgrad train` on the command line that trains the same alone.
        threads: how many threads it computes with.
    """

    group: Group
    seed: int
    name: str
    words: tuple[str, ...]
    threads: int

    @property
    def command(self) -> str:
        """The command that trains the same alone, with the same bits."""
        return f"CHALKGRAD_THREADS={self.threads} chalkgrad train {shlex.join(self.words)}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a sweep.

    Attributes:
        path: the file.
        source: the data, as `chalkgrad train` takes them.
        groups: the settings.
        seeds: the seeds.
        threads: how many threads each run computes with; its bits may depend on that, so they are counted here.
        pictures: whether every run draws its pictures.
    """

    path: Path
    source: str
    groups: tuple[Group, ...]
    seeds: tuple[int, ...]
    threads: int
    pictures: bool

    def runs(self) -> Iterator[Run]:
        """Every training: the settings in the file's order, each with all seeds."""
        for group in self.groups:
            settings = [_word(name, value) for name, value in group.settings.items() if value is not False]
            for seed in self.seeds:
                name = f"{group.name},seed={seed}" if group.name else f"seed={seed}"
                yield Run(group, seed, name, (self.source, *settings, f"--seed={seed}"), self.threads)

    def columns(self) -> list[str]:
        """The names of the settings in which groups differ."""
        return list(dict.fromkeys(name for group in self.groups for name in group.own))


def read_plan(path: Path, options: Mapping[str, bool]) -> Plan:
    """The plan that a file states.

    Args:
        path: a TOML file: `data`, `seeds`, tables [settings], [grid] (every combination), [[run]] (single ones).
        options: the options of `chalkgrad train`, without the hyphens before them, and whether each takes a value.

    Raises:
        DataError: where it cannot be read or states none; it says what is wrong where.
    """
    table = parse_toml(read_bounded(path, MOST_TEXT, DataError), str(path), DataError)
    for key in table:
        if key not in KEYS:
            here = f"it is a setting, so it belongs below [settings]; {nearest(key, KEYS)}"
            raise DataError(
                f"{path}: there is no key {key!r}; {here if _option(key) in options else nearest(key, KEYS)}"
            )
    source = table.get("data", "digits")
    if not isinstance(source, str):
        raise DataError(f'{path}: data is a name or a path, such as data = "mnist", not {said(source)}')
    reader = _Reader(path, options)
    common = reader.settings("[settings]", table.get("settings", {}))
    groups = [*reader.grid(common, table.get("grid")), *reader.single(common, table.get("run"))]
    groups = groups or [Group("", {}, common)]
    names = [group.name for group in groups]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{path}: two runs are called {name!r}")
    try:
        seeds = _seeds(table.get("seeds", 1))
        threads = whole("sweep", "threads", table.get("threads", 1))
        pictures = flag("sweep", "pictures", table.get("pictures", False))
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    if len(groups) * len(seeds) > MOST_RUNS:
        raise DataError(f"{path}: {len(groups):,} settings with {len(seeds):,} seeds are more than {MOST_RUNS:,} runs")
    return Plan(path, _absolute(source), tuple(groups), seeds, threads, pictures)


class _Reader:
    """Reads the tables of settings in a file."""

    def __init__(self, path: Path, options: Mapping[str, bool]) -> None:
        self.path, self.options = path, options

    def settings(self, where: str, content: Any) -> dict[str, Setting]:
        """A table of settings, by the options' names."""
        table = as_table(content)
        if table is None:
            raise DataError(f"{self.path}: {where} is a table of settings, not {said(content)}")
        return {(name := self.name(where, key)): self.value(where, name, value) for key, value in table.items()}

    def grid(self, common: Mapping[str, Setting], content: Any) -> Iterator[Group]:
        """Every combination of the values of [grid]; none where there is no such table."""
        table = as_table(content)
        if content is not None and not table:
            raise DataError(f"{self.path}: [grid] is a table of lists, such as learning-rate = [0.1, 0.01]")
        axes: dict[str, list[Setting]] = {}
        for key, values in (table or {}).items():
            name = self.name("[grid]", key)
            entries = as_list(values)
            if not entries:
                raise DataError(f"{self.path}: [grid] has a list of values for {key}, not {said(values)}")
            axes[name] = [self.value("[grid]", name, value) for value in entries]
            if len(set(map(repr, axes[name]))) < len(entries):
                raise DataError(f"{self.path}: [grid] has a value of {key} twice")
        if math.prod(map(len, axes.values())) > MOST_RUNS:
            raise DataError(f"{self.path}: [grid] has more than {MOST_RUNS:,} combinations")
        for place, values in enumerate(itertools.product(*axes.values()), start=1) if axes else ():
            own = dict(zip(axes, values, strict=True))
            yield Group(_called(own, place), own, {**common, **own})

    def single(self, common: Mapping[str, Setting], content: Any) -> Iterator[Group]:
        """The tables [[run]]; none where there are no such tables."""
        tables = as_list(content if content is not None else [])
        if tables is None:
            raise DataError(f"{self.path}: single runs stand below [[run]], with two brackets")
        for entry in tables:
            table = dict(as_table(entry) or {})
            name = table.pop("name", None)
            if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
                raise DataError(f'{self.path}: every [[run]] has a name of letters and digits, such as name = "wide"')
            own = self.settings(f"[[run]] {name}", table)
            yield Group(name, own, {**common, **own})

    def name(self, where: str, key: str) -> str:
        """The option that a key names."""
        name = _option(key)
        if name in ELSEWHERE:
            raise DataError(f"{self.path}: {where} has {key}, but {ELSEWHERE[name]}")
        if name not in self.options:
            raise DataError(
                f"{self.path}: {where} has {key}, which is no option of chalkgrad train; "
                f"{nearest(name, [o for o in self.options if o not in ELSEWHERE])}"
            )
        return name

    def value(self, where: str, name: str, value: Any) -> Setting:
        """A setting's value."""
        if not isinstance(value, (str, int, float)):
            hint = ": several values stand in [grid]" if as_list(value) is not None else ""
            raise DataError(f"{self.path}: {where}: {name} is one value, not {said(value)}{hint}")
        if isinstance(value, bool) == self.options[name]:
            wanted = "a number or text" if self.options[name] else "true or false"
            raise DataError(f"{self.path}: {where}: {name} is {wanted}, not {said(value)}")
        if name == FOLDER:
            return str(Path(str(value)).resolve())
        return _absolute(value) if name == FILE and isinstance(value, str) else value


def _option(key: str) -> str:
    return key.replace("_", "-")


def _word(name: str, value: Setting) -> str:
    return f"--{name}" if value is True else f"--{name}={value}"


def _absolute(text: str) -> str:
    """A path as one that holds in any folder; a name, which has neither an ending nor a slash, as it is."""
    return str(Path(text).resolve()) if (Path(text).suffix or "/" in text) and "\0" not in text else text


def _seeds(value: Any) -> tuple[int, ...]:
    """The seeds that a number, so many from 0 on, or a list states."""
    listed = as_list(value)
    if listed is None:
        return tuple(range(min(whole("sweep", "seeds", value), MOST_RUNS + 1)))
    seeds = tuple(check_seed("sweep", each) for each in listed)
    if not seeds or len(set(seeds)) < len(seeds):
        raise DataError(f"sweep: seeds is a number of them or a list of different ones, not {said(value)}")
    return seeds


def _called(own: Mapping[str, Setting], place: int) -> str:
    """The name of a combination: its settings, if a folder's name holds them."""
    name = ",".join(f"{k}={Path(v).stem if k == FILE and isinstance(v, str) else v}" for k, v in own.items())
    return name if len(name) <= LONGEST_NAME and re.fullmatch(r"[\w.+=,-]+", name) else f"settings-{place:03}"


def same_settings(first: str, second: str) -> Sequence[str]:
    """The words in which two commands differ: those of the first, then those of the second."""
    one, other = shlex.split(first), shlex.split(second)
    return [*(w for w in one if w not in other), *(w for w in other if w not in one)]
