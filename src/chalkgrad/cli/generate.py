"""chalkgrad generate: new names or text, written by a model of characters."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from .options import add_engine, seed
from .output import deliver

HELP = "write new names or text with a trained model of characters"
DESCRIPTION = (
    "Writes new names, or text, with a network that was trained on names or on a text: each character is drawn from "
    "the probabilities that the network gives for the next one. The same seed gives the same text."
)
EXAMPLES = (
    "chalkgrad generate runs/names-lstm",
    "chalkgrad generate runs/names-lstm --count 5 --temperature 0.8 --start al",
)


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add("run", metavar="RUN", help="the run directory")
    add("--seed", type=seed, default=0, metavar="S", help="seed of the draws (default 0)")
    add(
        "--temperature",
        type=float,
        default=1.0,
        metavar="T",
        help="below 1 the likely characters come more often, at 0 the likeliest always; above 1, and below 100, the "
        "others (default 1)",
    )
    add("--count", type=int, metavar="N", help="how many texts (default 10 names, or 1 text)")
    add("--length", type=int, metavar="N", help="the most characters of a text (default 300; names end by themselves)")
    add("--start", default="", metavar="TEXT", help="how each text begins")
    add("--out", metavar="FILE", help="write to this file instead of the terminal")
    add_engine(add)


def run(arguments: Namespace) -> int:
    """The command."""
    from ..base.text import visible_lines
    from ..runs import directory as run_directory
    from ..runs.characters import generate, vocabulary_of

    path = Path(arguments.run)
    network, source, _ = run_directory.open_run(path)
    vocabulary = vocabulary_of(network, source.get("vocabulary"), path)
    count = (10 if vocabulary.ends else 1) if arguments.count is None else arguments.count
    texts = generate(
        network,
        vocabulary,
        count=count,
        length=arguments.length,
        seed=arguments.seed,
        temperature=arguments.temperature,
        start=arguments.start,
        engine=arguments.engine,
    )
    if arguments.out is None:
        texts = [visible_lines(text) for text in texts]
    deliver(("\n" if vocabulary.ends else "\n\n").join(texts) + "\n", arguments.out)
    return 0
