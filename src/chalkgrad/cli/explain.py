"""chalkgrad explain: opens one number of a worked example or a run, or lists all values that can be opened."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from .options import WORKED_OR_RUN, add_output, add_precision, add_run
from .output import chosen_format, show

HELP = "open any number of a worked example or a run with the chain rule that made it"
DESCRIPTION = (
    "Shows how one element was computed: symbols, numbers and result, and then the same for the values that it was "
    "computed from, back to the loss or the input."
)
EXAMPLES = (
    "chalkgrad explain web",
    "chalkgrad explain web 'dW1[0, 0]' --form paths",
    "chalkgrad explain web dw1 --precision 9 --out w1.html",
    "chalkgrad explain runs/digits-mlp 'dW1[10, 0]' --samples 2",
)


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the command's arguments."""
    add = parser.add_argument
    add("file", metavar="FILE.toml", help=WORKED_OR_RUN)
    add("address", nargs="?", metavar="ADDRESS", help='an element, "dW1[0, 0]", or its label; without one, all values')
    add("--form", default="delta", metavar="FORM", help="delta (the default) or paths")
    add("--style", default="long", metavar="STYLE", help="long (the default), short or symbolic")
    add_precision(add)
    add("--terms", type=int, default=6, metavar="N", help="how many terms of a sum are shown (default 6)")
    add("--steps", type=int, default=40, metavar="N", help="how many values are opened (default 40)")
    add("--hand-rounding", type=int, metavar="N", help="round every step to N significant digits, as by hand")
    add("--after", type=int, default=0, metavar="N", help="explain the step after N updates (default 0)")
    add_run(add)
    add("--no-labels", action="store_true", help="addresses instead of the example's labels")
    add_output(add)


def run(arguments: Namespace) -> int:
    """The command."""
    from .contents import contents, elements
    from .subject import is_run, read_worked

    example = read_worked(arguments)
    trace = example.trace(arguments.after)
    form = chosen_format(arguments.format, arguments.out)
    if arguments.address is None:
        show(contents(example, trace, arguments.precision), form, arguments.out)
        return 0
    if is_run(arguments.file):
        trace.moment = " ".join(filter(None, [example.text, trace.moment]))
    settings: dict[str, Any] = {
        "form": arguments.form,
        "style": arguments.style,
        "precision": arguments.precision,
        "terms": arguments.terms,
        "steps": arguments.steps,
        "hand_rounding": arguments.hand_rounding,
        "labels": {} if arguments.no_labels else None,
    }
    name = arguments.address.strip()
    if name in trace and trace[name].shape:
        show(elements(arguments.file, trace, name, settings), form, arguments.out)
    else:
        show(trace.explain(arguments.address, **settings), form, arguments.out)
    return 0
