"""What the command line takes: every command's arguments, with an example in its --help."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

from .. import __version__
from ..base.errors import nearest
from ..base.text import shortened

WORKED = "cnn, layer, neuron, perceptron, two_layers, web"
FORMATS = ("text", "markdown", "latex", "html", "json")


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, with the nearest known word."""

    def error(self, message: str) -> NoReturn:
        if "invalid choice" in message and "command" in message:
            word = message.split("'")[1]
            message = f"there is no command {word!r}; {nearest(word, COMMANDS)}"
        elif message.startswith("unrecognized arguments: --"):
            word = message.split()[2].partition("=")[0]
            known = [o for a in self._all_actions() for o in a.option_strings]
            message = f"there is no option {word}; {nearest(word, known)}"
        print(f"{self.prog}: {shortened(message)} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)

    def _all_actions(self) -> list[argparse.Action]:
        actions = list(self._actions)
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):  # pyright: ignore[reportPrivateUsage,reportUnknownArgumentType]
                for parser in action.choices.values():  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
                    actions.extend(parser._actions)  # pyright: ignore
        return actions


def _seed(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2**63:
        raise argparse.ArgumentTypeError(f"a seed is a whole number from 0 to 2**63 - 1, not {text[:40]!r}")
    return value


def parser() -> Parser:
    """The parser of the whole command line."""
    made = Parser(
        prog="chalkgrad",
        description="A neural network you can read like a chalkboard: describe, train, test, understand.",
        epilog="example: chalkgrad train && chalkgrad test",
    )
    made.add_argument("--version", action="version", version=f"chalkgrad {__version__}")
    commands = made.add_subparsers(dest="command", metavar="command", parser_class=Parser)
    for name, (add, line, text, example) in COMMANDS.items():
        add(
            commands.add_parser(
                name,
                help=line,
                description=text,
                epilog=example,
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
        )
    return made


def _add_train(train: argparse.ArgumentParser) -> None:
    add = train.add_argument
    add("source", nargs="?", metavar="DATA",
        help="digits (ships with chalkgrad, the default), mnist, spiral, vertical, or a .csv or .npz file")  # fmt: skip
    add("--network", metavar="NAME", help="softmax, mlp (the default), lenet, or a TOML file")
    add(
        "--data",
        metavar="DIR",
        help="where the four MNIST files lie (default: data, then the cache, then download)",
    )
    add("--target", metavar="COLUMN", help="the target column of a CSV file, by name or number (default the last)")
    add("--task", metavar="TASK", help="what the targets of a file are: classes or regression (default: what they look "
        "like, which is said)")  # fmt: skip
    add("--header", metavar="YES|NO", help="whether the first line of a CSV file holds the columns' names: yes or no "
        "(default: what it looks like)")  # fmt: skip
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
    add("--min-improvement", type=float, metavar="X", help="what counts as an improvement")
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
    _add_engine(train)
    add("--resume", metavar="RUN", help="go on with the training in this run directory, from its newest checkpoint; "
        "--epochs, --max-steps, --patience and --stop-below may be others")  # fmt: skip
    add("--checkpoint-every", type=float, metavar="S", help="write a checkpoint at least every S seconds (default 60)")
    add("--keep", type=int, metavar="K", help="keep the last K checkpoints (default 2; 0: write none)")
    add("--quiet", action="store_true", help="no progress bar")


def _add_test(test: argparse.ArgumentParser) -> None:
    add = test.add_argument
    add("run", nargs="?", help="the run directory; the newest in runs/ if not given")
    add("--data", metavar="DIR", help="where the four MNIST files lie, if no longer where they were")
    add("--out", metavar="DIR", help="where to save the findings; the run directory if not given")
    add("--no-pictures", action="store_true", help="save numbers only")
    _add_engine(test)


def _add_engine(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--engine", default="auto", metavar="NAME",
        help="numpy, compiled (C, written from the network's own steps), or auto: compiled where a compiler is there "
        "and the work is worth it (default auto)",
    )  # fmt: skip


def _add_output(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--format", choices=FORMATS, help="text (the default, or what --out ends in), markdown, latex, html or json"
    )
    command.add_argument("--out", metavar="FILE", help="write to a file instead of the terminal")


def _add_explain(explain: argparse.ArgumentParser) -> None:
    add = explain.add_argument
    add("file", metavar="FILE.toml", help=f"a worked example, or the name of one that comes with chalkgrad: {WORKED}")
    add("address", nargs="?", metavar="ADDRESS", help='an element, "dW1[0, 0]", or its label; without one, all values')
    add("--form", default="delta", metavar="FORM", help="delta (the default) or paths")
    add("--style", default="long", metavar="STYLE", help="long (the default), short or symbolic")
    add("--precision", type=int, default=6, metavar="N", help="significant digits (default 6)")
    add("--terms", type=int, default=6, metavar="N", help="how many terms of a sum are shown (default 6)")
    add("--steps", type=int, default=40, metavar="N", help="how many values are opened (default 40)")
    add("--hand-rounding", type=int, metavar="N", help="round every step to N significant digits, as by hand")
    add("--after", type=int, default=0, metavar="N", help="explain the step that follows N updates (default 0)")
    add("--no-labels", action="store_true", help="addresses instead of the example's labels")
    _add_output(explain)


def _add_derive(derive: argparse.ArgumentParser) -> None:
    add = derive.add_argument
    add("file", metavar="FILE.toml", help="a worked example, or a network's description")
    add("--numbers", action="store_true", help="show the numbers too (of a worked example)")
    add("--update", action="store_true", help="show the update too (of a worked example)")
    add("--precision", type=int, default=6, metavar="N", help="significant digits (default 6)")
    _add_output(derive)


def _add_write(write: argparse.ArgumentParser) -> None:
    add = write.add_argument
    add("file", metavar="FILE.toml", help="a worked example, or a network's description or run directory")
    add(
        "--to",
        choices=("numpy", "torch", "c"),
        help="numpy (the default), torch, or c (so --out FILE.c): a program that needs a C compiler and nothing else",
    )
    add(
        "--steps",
        type=int,
        metavar="N",
        help="how many updates the script makes (default: the example's); with 0 it predicts",
    )
    _add_output(write)


def _add_draw(draw: argparse.ArgumentParser) -> None:
    add = draw.add_argument
    add("file", metavar="FILE.toml", help="a worked example, or a network's description or run directory")
    add("--kind", default="auto", choices=("auto", "neurons", "layers", "graph"),
        help="neurons: nodes and edges with their values; layers: the structure with shapes; graph: the computation "
        "with batch shapes (default: neurons where the network is small, else layers)")  # fmt: skip
    add("--sample", type=int, default=0, metavar="N", help="which sample's numbers the neurons show (default 0)")
    add("--batch", default="N", metavar="N", help="the number of samples in shapes (default N)")
    add("--out", metavar="FILE.svg", help="write to a file instead of the terminal")


def _add_check(check: argparse.ArgumentParser) -> None:
    add = check.add_argument
    add("file", metavar="FILE.toml", help=f"a worked example, or the name of one that comes with chalkgrad: {WORKED}")
    add("--claimed", metavar="ANSWERS", help="numbers that somebody computed: .toml, .json, .csv or .npz, by name, "
        "address or label (L_next is the loss after the update)")  # fmt: skip
    add("--before", metavar="FILE.toml", help="the example of an earlier pass, whose values may have been used again")
    _add_output(check)


def _add_worksheet(worksheet: argparse.ArgumentParser) -> None:
    add = worksheet.add_argument
    add("file", metavar="FILE.toml", help=f"a worked example, or the name of one that comes with chalkgrad: {WORKED}")
    add("--out", metavar="DIR", default="worksheet", help="where the sheet and its solution go (default worksheet)")
    add("--blanks", nargs="+", metavar="NAME", help='what is left blank: values "dW1", elements "dW1[0, 0]", labels')
    add("--kind", metavar="KIND", help="leave all of a kind blank: forward, loss, backward, update, gradients or all")
    add("--seed", type=_seed, metavar="N", help="draw fresh round numbers (default: the example's own)")
    add("--count", type=int, metavar="K", help="so many sheets, with the seeds N, N + 1, ...")
    add("--step", type=int, metavar="K", help="which step of the training (default 1; with --seed 2 where the update "
        "is asked for and the optimizer carries something on)")  # fmt: skip
    add("--digits", type=int, default=4, metavar="N", help="significant digits of the answers (default 4)")
    add("--points", type=float, default=1.0, metavar="X", help="points for every blank (default 1)")
    add("--hints", action="store_true", help="show the formula of every blank")
    add("--format", nargs="+", choices=("markdown", "latex", "html", "notebook"), help="default: all four")


def _add_grade(grade: argparse.ArgumentParser) -> None:
    add = grade.add_argument
    add("worksheet", metavar="WORKSHEET", help="the sheet's worksheet.toml; or the first of folders that each hold one "
        "with its answers")  # fmt: skip
    add("answers", nargs="*", metavar="ANSWERS", help="the student's numbers: .toml, .json or .csv, by address or "
        "label; of a class several, or folders of them")  # fmt: skip
    add("--out", metavar="DIR", help="write the report, results.json (Gradescope), grading.json and an Otter test "
        "there; of a class grades.csv and a report on everyone")  # fmt: skip
    add("--follow-credit", type=float, default=1.0, metavar="X", help="share of the points for a number that is right "
        "from the student's own earlier numbers (default 1)")  # fmt: skip
    add("--format", nargs="+", choices=("text", "markdown", "html", "latex"), help="the report's formats")


def _add_replay(replay: argparse.ArgumentParser) -> None:
    add = replay.add_argument
    add(
        "document",
        nargs="?",
        metavar="DOCUMENT",
        help="000, 001, 002, 003 or web (docs/documents.md says what they are); all of them if not given",
    )
    add("--quick", action="store_true", help="leave out the two long trainings of 000 (a minute)")
    add("--only-wrong", action="store_true", help="only figures that are not what correct back-propagation gives")
    _add_output(replay)


Adder = Callable[[argparse.ArgumentParser], None]
COMMANDS: dict[str, tuple[Adder, str, str, str]] = {
    "train": (
        _add_train,
        "train a network on digits, MNIST or data of your own",
        "Trains a network, tests it, and saves everything in a run directory.",
        "examples: chalkgrad train\n          chalkgrad train mnist --network lenet\n"
        "          chalkgrad train --resume runs/mnist-mlp --epochs 80\n"
        "          chalkgrad train flowers.csv --target species --optimizer Adam --epochs 50",
    ),
    "test": (
        _add_test,
        "run a saved network on its test set and show where it errs",
        "Loads saved weights, runs the test set, prints accuracy, loss, a table of the classes and "
        "the most confused pairs, and saves the confusion matrix and a sheet of the misread samples.",
        "example: chalkgrad test runs/mnist-mlp",
    ),
    "explain": (
        _add_explain,
        "open any number of a worked example with the chain rule that made it",
        "Shows what made one element: symbols, numbers, result, and what made that, back to the loss or the input.",
        "examples: chalkgrad explain web\n"
        "          chalkgrad explain web 'dW1[0, 0]' --form paths\n"
        "          chalkgrad explain web dw1 --precision 9 --out w1.html",
    ),
    "derive": (
        _add_derive,
        "write out the whole forward and backward pass as mathematics",
        "Every step in matrix form with its shape, and with its numbers if asked.",
        "example: chalkgrad derive web --numbers --out pass.html",
    ),
    "write": (
        _add_write,
        "write the network as a script that stands alone",
        "A NumPy script of the forward pass, the backward pass and the update, or the same network in PyTorch.",
        "example: chalkgrad write web --to numpy --out by_hand.py",
    ),
    "draw": (
        _add_draw,
        "draw the network as SVG",
        "Neurons with their values and weights, the layer structure with shapes, or the computation graph.",
        "example: chalkgrad draw cnn --kind graph --out graph.svg",
    ),
    "check": (
        _add_check,
        "check gradients, or say which term of somebody's gradients is wrong",
        "Without --claimed every gradient is compared with central differences. With it, the claimed numbers are "
        "compared with the right ones, and the mistakes that make the wrong ones are named.",
        "examples: chalkgrad check web\n          chalkgrad check web --claimed answers.toml --out report.html",
    ),
    "worksheet": (
        _add_worksheet,
        "make an exercise from a worked example, with its solution",
        "The network, the numbers, the lines with blanks, a separate solution, and what grading needs.",
        "examples: chalkgrad worksheet web --kind backward --out sheet\n"
        "          chalkgrad worksheet web --seed 1 --count 30 --out class",
    ),
    "grade": (
        _add_grade,
        "grade a filled-in worksheet and name the mistakes behind wrong numbers",
        "Scores every blank, with credit for what is right from the student's own earlier numbers.",
        "examples: chalkgrad grade sheet/worksheet.toml answers.toml --out graded\n"
        "          chalkgrad grade sheet/worksheet.toml submissions/ --out graded\n"
        "          chalkgrad grade class --out graded",
    ),
    "replay": (
        _add_replay,
        "recompute every figure of five published examples and say which are right",
        "Every printed figure beside ours: the same or not, and if not, the mistake that makes the printed one.",
        "examples: chalkgrad replay 002\n          chalkgrad replay 000 --only-wrong --out replay.html",
    ),
}
