"""The command line. Every command has a --help with an example; bad input is one line and exit code 2."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

from .. import __version__
from ..base.colour import coloured
from ..base.errors import ChalkgradError
from ..base.messages import complain, complete_streams, let_go
from ..base.text import shortened
from . import (
    check,
    derive,
    draw,
    explain,
    generate,
    grade,
    page,
    predict,
    replay,
    rule,
    sweep,
    test,
    train,
    worksheet,
    write,
)
from .output import check_out, fitted_error
from .parser import Command, command_line

COMMANDS: dict[str, Command] = {
    "train": train,
    "sweep": sweep,
    "test": test,
    "predict": predict,
    "generate": generate,
    "explain": explain,
    "derive": derive,
    "write": write,
    "draw": draw,
    "page": page,
    "check": check,
    "worksheet": worksheet,
    "grade": grade,
    "replay": replay,
    "rule": rule,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit code: 0 done, 1 it came to nothing, 2 bad input, 128 + a signal."""
    complete_streams()
    try:
        return _run(argv)
    finally:
        let_go(sys.stdout)
        let_go(sys.stderr)


def _run(argv: Sequence[str] | None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names that the terminal cannot show
    parser = command_line(COMMANDS, __version__)
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
        return 0
    try:
        check_out(arguments)
        code = COMMANDS[arguments.command].run(arguments)
        sys.stdout.flush()  # what is not written was not done
        return code
    except BrokenPipeError:
        return 1  # nobody reads on
    except (ChalkgradError, OSError) as error:
        _complain(arguments.command, shortened(str(error)))
        return 2
    except MemoryError:
        _complain(arguments.command, "this takes more memory than there is")
        return 2
    except KeyboardInterrupt:
        complain("\ninterrupted")
        return 130


def _complain(command: str, message: str) -> None:
    """Says on the standard error what is wrong, after the command's name, which is red on a terminal."""
    who = f"chalkgrad {command}:"
    text = fitted_error(f"{who} {message.removeprefix(f'{command}: ')}")
    complain(coloured(who, "red", sys.stderr) + text.removeprefix(who))
