"""Runs the suite of faults in its long form and writes its figures into docs/reliability.md.

python tests/faults/report.py                 about half an hour on two cores
python tests/faults/report.py --fuzzed 10000  fewer fuzzed files, for a look
python tests/faults/report.py test_disk.py    only the figures of one file, in place of the old ones
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "reliability.md"
BEGIN, END = "<!-- figures: written by tests/faults/report.py -->\n", "<!-- end of the figures -->\n"


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--fuzzed", type=int, default=1_000_000, help="fuzzed files for every reader")
    reader.add_argument("files", nargs="*", help="files of this directory; all if not given")
    arguments = reader.parse_args()
    fuzzed, chosen = arguments.fuzzed, [str(HERE / f) for f in arguments.files] or [str(HERE)]
    with tempfile.TemporaryDirectory() as place:
        figures = Path(place) / "figures"
        environment = {
            **os.environ, "CHALKGRAD_FAULTS": "long", "CHALKGRAD_FUZZED": str(fuzzed),
            "CHALKGRAD_FAULTS_FIGURES": str(figures),
        }  # fmt: skip
        command = [sys.executable, "-m", "pytest", "-q", "-m", "", "-n", "2", "--dist", "worksteal", *chosen]
        code = subprocess.run(command, env=environment, cwd=HERE.parents[1], check=False).returncode
        if code:
            print("no figures are written: something failed", file=sys.stderr)
            return code
        rows = [json.loads(line) for line in figures.read_text(encoding="utf-8").splitlines()]
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    if arguments.files:  # what was not run again stays
        new = {(area, fault) for area, fault, _, _ in rows}
        for line in text.partition(BEGIN)[2].partition(END)[0].splitlines():
            cells = [c.strip() for c in line.strip("|").split("|")]
            if len(cells) == 4 and cells[2].replace(",", "").isdecimal() and (cells[0], cells[1]) not in new:
                rows.append([cells[0], cells[1], int(cells[2].replace(",", "")), cells[3]])
    areas = ("SIGKILL", "At once", "Stopped", "Disk", "Log", "Threads", "Damage", "Hostile files", "Fuzzing")
    rows.sort(key=lambda row: (areas.index(row[0]), row[1]))
    lines = ["| | what was done to it | times | what came of it |", "|---|---|---|---|"]
    lines += [f"| {area} | {fault} | {trials:,} | {outcome} |" for area, fault, trials, outcome in rows]
    where = f"Python {platform.python_version()} on {platform.system()}, two cores"
    PAGE.write_text(before + BEGIN + "\n" + "\n".join(lines) + f"\n\n*{where}.*\n\n" + END + after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
