"""chalkgrad train: trains a network on data, tests it, and saves everything in a run directory."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .options import add_engine, seed

HELP = "train a network on digits, MNIST or data of your own"
DESCRIPTION = "Trains a network, tests it, and saves everything in a run directory."
EXAMPLES = (
    "chalkgrad train",
    "chalkgrad train mnist --network lenet",
    "chalkgrad train --resume runs/mnist-mlp --epochs 80",
    "chalkgrad train names --network lstm",
    "chalkgrad train book.txt --network gpt",
    "chalkgrad train pictures/ --network lenet --size 32",
    "chalkgrad train flowers.csv --target species --optimizer Adam --epochs 50",
)


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the command's arguments, all but --engine without defaults: a resumed training has its own."""
    _add_data(parser)
    _add_network(parser)
    _add_training(parser)
    _add_run(parser)


def _add_data(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("the data").add_argument
    add(
        "source",
        nargs="?",
        metavar="DATA",
        help="digits (the default) or names, which come with chalkgrad, mnist, spiral, vertical, a .csv, .npz or "
        ".txt file, or a folder of images, one folder a class",
    )
    add(
        "--data",
        metavar="DIR",
        help="the folder of MNIST's four files (default: data, then the cache, then they are downloaded)",
    )
    add("--target", metavar="COLUMN", help="the target column of a CSV file, by name or number (default: the last)")
    add(
        "--task",
        metavar="TASK",
        help="what the targets of a file are: classes or regression (default: what they look like; it is printed)",
    )
    add(
        "--header",
        metavar="YES|NO",
        help="whether the first line of a CSV file holds the columns' names: yes or no (default: what it looks like)",
    )
    add(
        "--window",
        type=int,
        metavar="T",
        help="how many characters of a text the network sees at once (default 64); a .txt file is a text where the "
        "network takes sequences",
    )
    add("--size", metavar="HxW", help="the height and width that images in folders are resized to: 32, or 24x32")
    add("--validation", type=float, metavar="SHARE", help="share of the training samples to validate on; 0: none")


def _add_network(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("the network").add_argument
    add(
        "--network",
        metavar="NAME",
        help="softmax, mlp (the default), lenet, for sequences and texts rnn, lstm, gru or gpt, for "
        "images row by row rows-rnn, rows-lstm or rows-gru, or a TOML file",
    )
    add(
        "--loss",
        metavar="NAME",
        help="CrossEntropy, SquaredError, AbsoluteError, BinaryCrossEntropy or Hinge (default: CrossEntropy; for "
        "regression the squared error divided by the targets' variance, 1 - R2)",
    )
    add("--l1", type=float, metavar="X", help="add X times the sum of |W| over all weights W to the loss")
    add("--l2", type=float, metavar="X", help="add X times the sum of W^2 over all weights W to the loss")
    add("--dtype", metavar="TYPE", help="float32 (the default) or float64")
    add(
        "--seed",
        type=seed,
        metavar="N",
        help="seed of the weights, of the order of the samples and of the split (default 0, or the TOML file's)",
    )


def _add_training(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("the training").add_argument
    add("--optimizer", metavar="NAME", help="SGD, RMSProp, AdaGrad, Adam or AdamW")
    add("--learning-rate", type=float, metavar="X", help="learning rate of the optimizer")
    add("--momentum", type=float, metavar="X", help="momentum of SGD")
    add("--weight-decay", type=float, metavar="X", help="weight decay of the optimizer")
    add("--clip-norm", type=float, metavar="X", help="the most that the norm of all gradients together may be")
    add(
        "--schedule",
        metavar="NAME",
        help="schedule of the learning rate: Constant, StepDecay, Exponential, InverseTime, Linear, Cosine, OneCycle "
        "or ReduceOnPlateau",
    )
    add("--batch-size", type=int, metavar="N", help="samples in a batch")
    add("--epochs", type=int, metavar="N", help="at most N epochs; no early stopping unless --patience is given")
    add("--max-steps", type=int, metavar="N", help="at most N steps")
    add("--patience", type=int, metavar="N", help="stop when the validation loss has not improved for N epochs")
    add("--min-improvement", type=float, metavar="X", help="an improvement is a loss that is lower by more than X")
    add("--stop-below", type=float, metavar="X", help="stop at the first step with a loss below X")
    add(
        "--metrics",
        metavar="NAMES",
        help="numbers beside the loss, after every epoch, of the training and the validation samples: accuracy, top_5, "
        "balanced_accuracy, precision, recall, f1, auc; mae, rmse, r2; commas between them",
    )
    add("--class-weight", metavar="balanced", help="let every class weigh the same in all, however many samples it has")


def _add_run(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("the run").add_argument
    add("--out", metavar="DIR", help="the run directory (default: runs/DATA-NETWORK)")
    add(
        "--resume",
        metavar="RUN",
        help="resume the training of this run directory from its newest checkpoint; --epochs, --max-steps, --patience "
        "and --stop-below may be changed",
    )
    add("--checkpoint-every", type=float, metavar="S", help="write a checkpoint at least every S seconds (default 60)")
    add("--keep", type=int, metavar="K", help="keep the last K checkpoints (default 2; 0: write none)")
    add_engine(add)
    add("--log", metavar="DIR", help="write TensorBoard's event files into DIR (pip install 'chalkgrad[tensorboard]')")
    add("--json", action="store_true", help="a line of JSON for every epoch, and all else on standard error")
    add("--no-pictures", action="store_true", help="save no pictures")
    add("--quiet", action="store_true", help="no progress bar")


def run(arguments: Namespace) -> int:
    """The command."""
    from .jobs import new_job, resumed_job
    from .training import train

    return train(new_job(arguments) if arguments.resume is None else resumed_job(arguments), arguments)
