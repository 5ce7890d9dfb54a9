"""What a worksheet's grade tells: what empty answer sheets earn, and honest ones with one mistake.

    python benchmarks/grades.py --seeds 2 --kinds backward all

Sheets of every shipped example, with its own numbers and fresh ones. Empty sheets are filled in without computing
anything: one number in every blank, zeros and ones in turn, powers of ten, copies of what is given. Honest ones are
filled in by somebody who makes one usual mistake and goes on rightly from what comes of it, to the digits asked. Of the
former the share of the points is to be small, of the latter only the value where the mistake sits is to be lost.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import chalkgrad as cg
from chalkgrad.base.digits import rounded
from chalkgrad.base.errors import ChalkgradError
from chalkgrad.diagnosis.slips.usual import slips
from chalkgrad.worksheet import Worksheet, grade, make_worksheet
from chalkgrad.worksheet.own_pass import OwnPass

EXAMPLES = sorted(f.stem for f in (Path(cg.__file__).parent / "examples").glob("*.toml"))
KINDS = ("backward", "all", "gradients", "update", "forward", "loss")
CONSTANTS = ("0", "1", "-1", "0.5", "0.1", "2", "10", "1e-3", "1e6", "1e300", "-0", "1e-12")


def sheets(examples: list[str], seeds: int, kinds: list[str]) -> Iterator[tuple[str, Worksheet]]:
    """Sheets by what they are called."""
    for name in examples:
        example = cg.load_example(name)
        for kind in kinds:
            for seed in (None, *range(1, seeds + 1)):
                try:
                    sheet = make_worksheet(example, kind=kind, seed=seed)
                except ChalkgradError:
                    continue
                yield f"{name}, {kind}, {'own numbers' if seed is None else f'seed {seed}'}", sheet


def empty(sheet: Worksheet) -> dict[str, dict[str, str]]:
    """Answer sheets that say nothing, by how they were filled in."""
    trace, places = sheet.trace, [b.address for b in sheet.blanks]
    rights = [float(trace[a.name][a.place]) for a in places]
    made = {s.output for s in trace.program}
    given = [float(v) for n in trace if n not in made for v in np.ravel(trace[n]) if n not in ("clock", "t")]
    names = list(dict.fromkeys(a.name for a in places))
    random = Random(0)

    def filled(numbers: list[Any]) -> dict[str, str]:
        return {str(a): f"{v:.10g}" if isinstance(v, float) else str(v) for a, v in zip(places, numbers, strict=True)}

    found = {f"{c} everywhere": filled([c] * len(places)) for c in CONSTANTS}
    common = Counter(given).most_common(1)[0][0]
    found["the commonest given number"] = filled([float(common)] * len(places))
    found["nearly the same number"] = filled([0.5 + 0.0001 * random.randrange(-9, 10) for _ in places])
    first = f"{rounded(rights[0], sheet.digits):.15g}"
    found["the first blank's number everywhere"] = filled([first] * len(places))
    found["the first blank, then 0"] = filled([first] + ["0"] * (len(places) - 1))
    found["the first blank, then 1"] = filled([first] + ["1"] * (len(places) - 1))
    found["0 and 1 in turn"] = filled([str(i % 2) for i in range(len(places))])
    found["only the signs"] = filled([float(np.sign(v)) for v in rights])
    found["signs drawn"] = filled([random.choice(["1", "-1"]) for _ in places])
    found["powers of ten"] = filled([f"1e{i % 7 - 5}" for i in range(len(places))])
    found["one number in each value"] = filled([0.1 * (1 + names.index(a.name)) for a in places])
    found["powers of ten by value"] = filled([f"1e{names.index(a.name) % 8 - 4}" for a in places])
    found["drawn digits"] = filled([0.1 * random.randrange(1, 10) for _ in places])
    found["given numbers in turn"] = filled([given[i % len(given)] for i in range(len(places))])

    def of_old(address: Any, otherwise: str) -> Any:
        base = address.name.removesuffix("_new")
        return float(trace[base][address.place]) if base != address.name and base in trace else otherwise

    for otherwise in ("0", "1", "1e-12"):
        found[f"the old parameters, {otherwise} elsewhere"] = filled([of_old(a, otherwise) for a in places])
    one = [float(trace[s.inputs[0]].flat[0]) if s.inputs and s.inputs[0] in trace else 1.0 for s in _steps(sheet)]
    found["what is computed from, its first number"] = filled(one)
    for name in ("dz", "da", "dy"):
        found[f"1 for {name}, given numbers for the rest"] = filled(
            ["1" if a.name.startswith(name) else _operand(sheet, a) for a in places]
        )
    return found


def _steps(sheet: Worksheet) -> list[Any]:
    steps = {s.output: s for s in sheet.trace.program}
    return [steps[b.address.name] for b in sheet.blanks]


def _operand(sheet: Worksheet, address: Any) -> Any:
    """A given number that stands in the blank's formula."""
    steps = {s.output: s for s in sheet.trace.program}
    for name in steps[address.name].inputs:
        if name in sheet.trace and name not in steps and np.ndim(sheet.trace[name]):
            array = np.asarray(sheet.trace[name])
            return float(array.flat[sum(address.place) % array.size])
    return "1"


def honest(sheet: Worksheet) -> Iterator[tuple[Any, set[int], dict[str, str]]]:
    """Every usual mistake that changes blanks: what it is, the blanks where it sits, and the sheet that comes of it."""
    trace, places = sheet.trace, [b.address for b in sheet.blanks]
    asked = {a.name for a in places}
    for slip in slips(trace.program, None, len(sheet.example.x)):
        if slip.output not in asked:
            continue
        own = OwnPass(trace, slip=slip)
        try:
            values = {n: np.asarray(own.result(n), dtype=float) for n in asked}
        except (ValueError, IndexError, TypeError):
            continue
        if any(values[n].shape != trace[n].shape or not np.isfinite(values[n]).all() for n in asked):
            continue
        numbers = [f"{rounded(float(values[a.name][a.place]), sheet.digits):.15g}" for a in places]
        right = [float(trace[a.name][a.place]) for a in places]
        off = [abs(float(n) - r) > 0.05 * abs(r) + 1e-9 for n, r in zip(numbers, right, strict=True)]
        sits = {i for i, a in enumerate(places) if a.name == slip.output}
        if any(off[i] for i in sits):
            yield slip, sits, {str(a): n for a, n in zip(places, numbers, strict=True)}


def run(arguments: argparse.Namespace) -> int:
    """Both measurements, with the worst of each."""
    best: dict[str, tuple[float, float, str]] = {}
    fair = total = 0
    lost: Counter[str] = Counter()
    slowest, graded = 0.0, 0
    for name, sheet in sheets(arguments.examples, arguments.seeds, arguments.kinds):
        for how, answers in empty(sheet).items() if arguments.of != "honest" else ():
            start = time.perf_counter()
            grading = grade(sheet, answers)
            slowest, graded = max(slowest, time.perf_counter() - start), graded + 1
            share = grading.score / grading.points
            follows = sum(m.score for m in grading.marks if m.verdict == "follows") / grading.points
            if how not in best or (follows, share) > best[how][:2]:
                best[how] = (follows, share, name)
            if arguments.verbose and follows >= 0.1:
                print(f"{name}: {how}: {share:.0%}, by following {follows:.0%}")
        for slip, sits, answers in honest(sheet) if arguments.of != "empty" else ():
            grading = grade(sheet, answers)
            gone = [m for i, m in enumerate(grading.marks) if i not in sits and m.score < m.blank.points]
            total += 1
            fair += not gone
            if gone:
                lost[f"{slip.output}: {slip.text}"] += 1
                if arguments.verbose:
                    said = ", ".join(f"{m.blank.address} {m.answer} ({m.cause})" for m in gone[:3])
                    print(f"{name}: {slip.output}: {slip.text}: {len(gone)} of {len(grading.marks)} lost: {said}")
    if best:
        print(f"{'empty sheets':46}{'most by following':>18}{'with what is right':>20}")
        for how, (follows, share, name) in sorted(best.items(), key=lambda one: -one[1][0]):
            print(f"{how:46}{follows:18.0%}{share:20.0%}  {name}")
        print(f"{graded} graded, the slowest in {slowest:.2f} s")
    if total:
        print(f"honest sheets with one mistake: {fair} of {total} lose nothing but what the mistake makes")
        for text, count in lost.most_common(12):
            print(f"  {count:3} lose more: {text}")
    return 0


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--examples", nargs="+", default=EXAMPLES, choices=EXAMPLES)
    parser.add_argument("--seeds", type=int, default=1, help="sheets with fresh numbers, besides the example's own")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--of", choices=("both", "empty", "honest"), default="both")
    parser.add_argument("--verbose", action="store_true", help="every sheet that is no good")
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
