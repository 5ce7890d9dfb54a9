"""chalkgrad page: the network as one HTML file in which every number can be opened and changed."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import OptionError
from .options import DESCRIBED
from .output import check_ending, deliver

if TYPE_CHECKING:
    from ..network import Network
    from ..page import Page

HELP = "write a page in which every number can be opened, changed and trained"
DESCRIPTION = (
    "Writes one HTML file: the network drawn, its lines, its numbers. Any number opens with the chain rule that made "
    "it, any weight or input can be changed, and the page trains step by step. It opens from disk and asks the network "
    "for nothing. Of a run directory it takes samples of the test set."
)
EXAMPLES = (
    "chalkgrad page web --out web.html",
    "chalkgrad page lstm --reveal --lang de --out lstm.html",
    "chalkgrad page runs/digits-mlp --samples 50 --out digits.html",
)
LANGUAGES = ("en", "de", "fr", "es", "zh")


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add("file", metavar="FILE.toml", help=DESCRIBED)
    add("--out", metavar="FILE.html", help="write to this file instead of the terminal")
    add("--reveal", action="store_true", help="begin with the slides, which uncover one line at a time")
    add("--lang", default="en", choices=LANGUAGES, metavar="LANG", help=f"{', '.join(LANGUAGES)}; default en")
    add("--samples", type=int, default=32, metavar="N", help="of a run: how many samples of its test set (default 32)")
    add("--data", metavar="DIR", help="of a run: the folder of MNIST's four files, if they were moved")


def run(arguments: Namespace) -> int:
    """The command."""
    from ..examples.example import Example
    from .subject import read_subject

    check_ending(arguments.out, (".html", ".htm"), "page writes HTML")
    subject = read_subject(arguments.file)
    settings = {"lang": arguments.lang, "slides": arguments.reveal}
    if isinstance(subject, Example):
        page = subject.network.page(
            subject.x, subject.y, optimizer=subject.optimizer, title=subject.title, text=subject.text,
            labels=subject.labels, optimizer_state=subject.carried, sample_weight=subject.sample_weight, **settings,
        )  # fmt: skip
    elif Path(arguments.file).is_dir():
        page = _of_run(subject, Path(arguments.file), arguments)
    else:
        raise OptionError(
            f"{arguments.file} describes a network without samples: give it x and y, as a worked example has, or train "
            "it and name the run directory"
        )
    out = arguments.out
    deliver(page.html, out)
    return 0


def _of_run(network: Network, path: Path, arguments: Namespace) -> Page:
    """The page of a trained network on samples of its own test set."""
    import numpy as np

    from ..runs import directory as run_directory
    from .sources import open_recorded, suited

    if arguments.samples < 1:
        raise OptionError(f"--samples is a number of samples from 1, not {arguments.samples}")
    source = run_directory.read_run(path)
    if arguments.data:
        source["directory"] = arguments.data
    data = suited(open_recorded(source, network, path), network)
    count = min(arguments.samples, len(data.y_test))
    x, y = np.asarray(data.x_test[:count]), np.asarray(data.y_test[:count])
    shape = data.input_shape
    image = (int(shape[-2]), int(shape[-1])) if data.is_image and int(np.prod(shape[:-2])) == 1 else None
    return network.page(
        x, y, title=f"{data.name}: {network!r}".replace("<", "").replace(">", ""), classes=data.classes,
        image=image, lang=arguments.lang, slides=arguments.reveal,
    )  # fmt: skip
