"""chalkgrad predict: what a trained network says of samples without targets."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..base.text import visible
from .options import add_engine
from .output import deliver, fitted, terminal_width

HELP = "predict with a trained network: classes with their probabilities, or numbers"
DESCRIPTION = (
    "Predicts for samples without targets, read as those that the run was trained on. A table's columns are taken by "
    "their names, whatever their order; columns that the network does not take are left out, and so is a target. "
    "Prints the first predictions; --out FILE.csv (or .json, lines of JSON) writes all, with the probability of every "
    "class."
)
EXAMPLES = (
    "chalkgrad predict runs/flowers-mlp new.csv",
    "chalkgrad predict runs/pets-lenet photos/ --out predictions.csv",
    "chalkgrad predict runs/digits-mlp digits --json",
)


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add("run", metavar="RUN", help="the run directory")
    add(
        "source",
        metavar="DATA",
        help="a .csv, .tsv, .txt, .npz, .png or .jpg file, an IDX file of images, a folder of images, or the name of "
        "data that come with chalkgrad, of which the test samples are taken",
    )
    add("--data", metavar="DIR", help="the folder of MNIST's four files, for the data mnist")
    add(
        "--out", metavar="FILE", help="write all predictions to this file: CSV, or lines of JSON where it ends in .json"
    )
    add("--json", action="store_true", help="print all predictions, a line of JSON for each sample")
    add_engine(add)


def run(arguments: Namespace) -> int:
    """The command."""
    from ..base.errors import OptionError
    from ..base.messages import complain
    from ..runs import directory as run_directory
    from ..runs.predicting import predictions
    from .sources import unlabelled

    path = Path(arguments.run)
    network, source, _ = run_directory.open_run(path)
    if source.get("vocabulary") is not None:
        raise OptionError(f"{path} is a model of characters; it writes: chalkgrad generate {path}")
    ending = Path(arguments.out).suffix.lower() if arguments.out else ""
    if ending not in ("", ".csv", ".json", ".jsonl"):
        raise OptionError(f"--out {arguments.out}: predictions are written as .csv or .json")
    samples = unlabelled(arguments.source, source, network, arguments.data)
    for note in samples.notes:
        complain(f"chalkgrad predict: {visible(note)}")
    found = predictions(network, samples, _classes(source, network.output_shape), arguments.engine)
    if arguments.out:
        deliver(found.to_json() if ending.startswith(".json") else found.to_csv(), arguments.out)
    if arguments.json:
        sys.stdout.write(found.to_json())
    elif not arguments.out:
        print(fitted(found.to_text(terminal_width())))
    return 0


def _classes(source: dict[str, object], outputs: tuple[int, ...]) -> tuple[str, ...]:
    """The names of the classes that a run was trained on; numbers where it does not say them all; none for numbers."""
    from ..base.checks import as_list, as_table

    content = as_table(source.get("content")) or {}
    names = as_list(content.get("classes")) or []
    if not names and source.get("task") != "classes":
        return ()
    count = max(outputs[-1], 2)
    good = len(names) == count and all(isinstance(name, str) for name in names)
    return tuple(map(str, names)) if good else tuple(map(str, range(count)))
