"""The command line. Every command has a --help with an example; bad input is one line and exit code 2."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from .errors import ChalkgradError, nearest


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, with the nearest known word."""

    def error(self, message: str) -> NoReturn:
        commands = ("train", "test")
        if "invalid choice" in message and "command" in message:
            word = message.split("'")[1]
            message = f"there is no command {word!r}; {nearest(word, commands)}"
        elif message.startswith("unrecognized arguments: --"):
            word = message.split()[2].partition("=")[0]
            known = [o for a in self._all_actions() for o in a.option_strings]
            message = f"there is no option {word}; {nearest(word, known)}"
        print(f"{self.prog}: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)

    def _all_actions(self) -> list[argparse.Action]:
        actions = list(self._actions)
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):  # pyright: ignore[reportPrivateUsage,reportUnknownArgumentType]
                for parser in action.choices.values():  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
                    actions.extend(parser._actions)  # pyright: ignore
        return actions


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**63:
        raise ValueError
    return value


def _parser() -> _Parser:
    from . import __version__

    parser = _Parser(
        prog="chalkgrad",
        description="A neural network you can read like a chalkboard: describe, train, test, understand.",
        epilog="example: chalkgrad train && chalkgrad test",
    )
    parser.add_argument("--version", action="version", version=f"chalkgrad {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", parser_class=_Parser)
    _add_train(commands.add_parser("train", help="train a network on digits, MNIST or data of your own",
        description="Trains a network, tests it, and saves everything in a run directory.",
        epilog="examples: chalkgrad train\n          chalkgrad train mnist --network lenet\n"
        "          chalkgrad train flowers.csv --target species --optimizer Adam --epochs 50",
        formatter_class=argparse.RawDescriptionHelpFormatter))  # fmt: skip
    test = commands.add_parser("test", help="run a saved network on its test set and show where it errs",
        description="Loads saved weights, runs the test set, prints accuracy, loss, a table of the classes and "
        "the most confused pairs, and saves the confusion matrix and a sheet of the misread samples.",
        epilog="example: chalkgrad test runs/mnist-mlp",
        formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    test.add_argument("run", nargs="?", help="the run directory; the newest in runs/ if not given")
    test.add_argument("--data", metavar="DIR", help="where the four MNIST files lie, if no longer where they were")
    test.add_argument("--out", metavar="DIR", help="where to save the findings; the run directory if not given")
    test.add_argument("--no-pictures", action="store_true", help="save numbers only")
    return parser


def _add_train(train: argparse.ArgumentParser) -> None:
    add = train.add_argument
    add("source", nargs="?", default="digits", metavar="DATA",
        help="digits (ships with chalkgrad, the default), mnist, spiral, vertical, or a .csv or .npz file")  # fmt: skip
    add("--network", default="mlp", metavar="NAME", help="softmax, mlp (the default), lenet, or a TOML file")
    add(
        "--data",
        metavar="DIR",
        help="where the four MNIST files lie (default: data, then the cache, then download)",
    )
    add("--target", metavar="COLUMN", help="the target column of a CSV file, by name or number (default the last)")
    add("--loss", metavar="NAME", help="CrossEntropy, SquaredError, AbsoluteError, BinaryCrossEntropy or Hinge")
    add("--optimizer", metavar="NAME", help="SGD, RMSProp, AdaGrad, Adam or AdamW")
    add("--learning-rate", type=float, metavar="X", help="length of a step")
    add("--momentum", type=float, metavar="X", help="momentum of SGD")
    add("--weight-decay", type=float, metavar="X", help="weight decay of the optimizer")
    add("--l1", type=float, metavar="X", help="L1 penalty on the weights, as part of the loss")
    add("--l2", type=float, metavar="X", help="L2 penalty on the weights, as part of the loss")
    add("--schedule", metavar="NAME", help="Constant, StepDecay, Exponential, InverseTime, Linear, Cosine, OneCycle "
        "or ReduceOnPlateau")  # fmt: skip
    add("--batch-size", type=int, metavar="N", help="samples in a step")
    add("--epochs", type=int, metavar="N", help="at most so many epochs (and no early stop, unless --patience)")
    add("--max-steps", type=int, metavar="N", help="at most so many steps")
    add(
        "--validation",
        type=float,
        metavar="SHARE",
        help="share of the training samples to validate on; 0 for none",
    )
    add("--patience", type=int, metavar="N", help="stop when the validation loss has not improved for N epochs")
    add("--min-improvement", type=float, default=0.0, metavar="X", help="what counts as an improvement")
    add("--stop-below", type=float, metavar="X", help="stop at the first step with a loss below X")
    add(
        "--seed",
        type=_seed,
        metavar="N",
        help="where weights, order and split come from (default 0, or the TOML file's)",
    )
    add("--dtype", metavar="TYPE", help="float32 (the default) or float64")
    add("--out", metavar="DIR", help="the run directory (default runs/DATA-NETWORK)")
    add("--no-pictures", action="store_true", help="save no pictures")
    add("--quiet", action="store_true", help="no progress bar")


def _one_line(text: str) -> str:
    """`text` with control characters written out, so that no file name can break the line."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit code: 0 done, 1 it came to nothing, 2 bad input, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names that the terminal cannot show
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
        return 0
    try:
        if arguments.command == "train":
            from .commands.train import run
        else:
            from .commands.test import run
        return run(arguments)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on
        return 1
    except (ChalkgradError, OSError) as error:
        print(f"chalkgrad {arguments.command}: {_one_line(str(error))}", file=sys.stderr)
        return 2
    except MemoryError:
        print(f"chalkgrad {arguments.command}: this takes more memory than there is", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
