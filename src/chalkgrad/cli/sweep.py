"""chalkgrad sweep: trains with many settings and seeds, and tables what came of them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

HELP = "train with many settings and seeds; mean and spread over the seeds"
DESCRIPTION = (
    "Trains with every choice of settings in a TOML file, each with every seed. A run gives the same weights, bit "
    "for bit, as chalkgrad train alone. Started again, the sweep keeps what is done and goes on with what is not."
)
EXAMPLES = (
    "chalkgrad sweep sweep.toml",
    "chalkgrad sweep sweep.toml --workers 4 --out runs/rates",
    "chalkgrad sweep sweep.toml --ray auto --out /shared/rates",
)


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add(
        "file",
        metavar="SWEEP.toml",
        help="data, seeds, and below [settings], [grid] and [[run]] the options of chalkgrad train",
    )
    add("--workers", type=int, metavar="N", help="so many runs at a time, each a process (default: one a core)")
    add(
        "--ray",
        metavar="ADDRESS",
        help="run on a Ray cluster instead: auto for the one that this machine belongs to, HOST:PORT, or local to "
        "start one here; all its machines must find the data and --out under the same paths",
    )
    add("--data", metavar="DIR", help="the folder of MNIST's four files, if it is another one on this machine")
    add("--out", metavar="DIR", help="the folder of the runs (default: runs/ and the file's name)")
    add("--json", action="store_true", help="print the table as JSON")
    add("--no-pictures", action="store_true", help="draw no picture")


def run(arguments: Namespace) -> int:
    """The command."""
    from .sweeping import sweep

    return sweep(arguments)
