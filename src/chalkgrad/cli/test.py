"""chalkgrad test: loads a saved network, runs the test set, shows where it errs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..base.errors import CheckpointError
from ..base.text import as_json, visible
from .options import RUNS, add_engine
from .output import fitted, terminal_width

HELP = "run a saved network on its test set and show where it errs"
DESCRIPTION = (
    "Loads saved weights and runs the test set. Prints accuracy, loss, a table of the classes and the most confused "
    "pairs. Saves the confusion matrix and a picture of the misread samples; of networks over sequences the attention "
    "weights and how large the gradient is at each step back in time."
)
EXAMPLES = ("chalkgrad test", "chalkgrad test runs/mnist-mlp")


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add("run", nargs="?", help="the run directory (default: the newest in runs/)")
    add("--data", metavar="DIR", help="the folder of MNIST's four files, if they were moved after the training")
    add("--out", metavar="DIR", help="the folder to save in (default: the run directory)")
    add(
        "--metrics",
        metavar="NAMES",
        help="numbers beside loss and accuracy, such as f1,auc (default: those of the training)",
    )
    add("--json", action="store_true", help="print the numbers as JSON, those of test.json")
    add("--no-pictures", action="store_true", help="save numbers only")
    add_engine(add)


def run(arguments: Namespace) -> int:
    """The command."""
    from ..model.named import metric_names
    from ..model.saved import current_weights
    from ..runs import directory as run_directory
    from ..runs.findings import describe, examine, for_json, outputs_fit, pictures, results, save_results
    from .pictures import save_pictures
    from .sources import open_recorded, suited

    path = Path(arguments.run) if arguments.run else run_directory.newest(RUNS)
    network, source, weights = run_directory.open_run(path)
    if arguments.data:
        source["directory"] = arguments.data
    data = suited(open_recorded(source, network, path), network)
    if not outputs_fit(network, data):
        raise CheckpointError(f"{path} gives {network.output_shape}, but {data.name} has {len(data.classes)} classes")
    out = Path(arguments.out) if arguments.out else path
    run_directory.prepare(out)
    if arguments.metrics is None:
        metrics = run_directory.metrics_of(path)
    else:
        metrics = metric_names("test", [n.strip() for n in arguments.metrics.split(",") if n.strip()])
    findings = examine(network, data, arguments.engine, metrics)
    if not arguments.out and current_weights(path) != weights:
        raise CheckpointError(f"another network was saved in {path} meanwhile; test it again, or give --out")
    save_results(out, weights, findings, data)
    names = [run_directory.TEST]
    if not arguments.no_pictures:
        names += save_pictures("test", out, pictures(findings, data, network))
    if arguments.json:
        print(as_json(for_json(results(findings, data)), allow_nan=False))
        return 0
    print(fitted(f"{visible(str(path))}: {network!r}"))
    print(fitted(describe(findings, data, terminal_width())))
    print(fitted(f"\nsaved in {visible(str(out))}: {', '.join(names)}"))
    return 0
