"""The parser of the command line, made of the commands' files."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, Protocol

from ..base.errors import nearest
from ..base.text import shortened
from .output import fitted_error


class Command(Protocol):
    """A command's file."""

    @property
    def HELP(self) -> str:
        """The command in one line, for the list of commands."""
        ...

    @property
    def DESCRIPTION(self) -> str:
        """The same in some sentences, for its own --help."""
        ...

    @property
    def EXAMPLES(self) -> tuple[str, ...]:
        """Commands to try."""
        ...

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Gives the command's parser its arguments."""
        ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Runs the command; returns its exit code."""
        ...


class HelpFormatter(argparse.HelpFormatter):
    """Breaks lines that are too long, but none that is indented: those are commands, to be copied."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = text.splitlines()
        return "\n".join(line if line.startswith(" ") else textwrap.fill(line, width) for line in lines)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, with the nearest known word; takes arguments and options in any order."""

    _mixing = False

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride] - its own is overloaded
        self, args: Any = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse does it, but what may be left out may stand behind options too: grade SHEET --out DIR ANSWERS."""
        if self._mixing or self._commands():
            return super().parse_known_args(args, namespace)
        self._mixing = True  # the next line calls this function
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixing = False

    def error(self, message: str) -> NoReturn:
        if "invalid choice" in message and "command" in message:
            word = message.split("'")[1]
            message = f"there is no command {word!r}; {nearest(word, self._commands())}"
        elif message.startswith("unrecognized arguments: --"):
            word = message.split()[2].partition("=")[0]
            parsers = (self, *self._commands().values())
            options = [option for p in parsers for action in p._actions for option in action.option_strings]
            message = f"there is no option {word}; {_option(word, options)}"
        elif message.startswith("unrecognized arguments: "):
            message = f"more arguments than there is place for: {message.partition(': ')[2]}"
        print(fitted_error(f"{self.prog}: {shortened(message)} (see {self.prog} --help)"), file=sys.stderr)
        raise SystemExit(2)

    def _commands(self) -> dict[str, Parser]:
        """The commands' own parsers by name."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):  # pyright: ignore[reportPrivateUsage]
                return dict(action.choices)  # pyright: ignore[reportUnknownMemberType,reportUnknownArgumentType]
        return {}


def command_line(commands: Mapping[str, Command], version: str) -> Parser:
    """The parser of the whole command line.

    Args:
        commands: the commands by name.
        version: what --version prints.
    """
    parser = Parser(
        prog="chalkgrad",
        description="A neural network you can read like a chalkboard: describe, train, test, understand.",
        epilog=_examples("chalkgrad train", "chalkgrad test"),
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"chalkgrad {version}")
    parsers = parser.add_subparsers(dest="command", metavar="command", parser_class=Parser)
    for name, command in commands.items():
        command.add_arguments(
            parsers.add_parser(
                name,
                help=command.HELP,
                description=command.DESCRIPTION,
                epilog=_examples(*command.EXAMPLES),
                formatter_class=HelpFormatter,
            )
        )
    return parser


def _option(word: str, options: Sequence[str]) -> str:
    """The end of a sentence that says what to write instead of an option: its name here, or the nearest one."""
    from ..describe.foreign import RENAMED

    names = RENAMED.get(word.lstrip("-").replace("-", "_"), "").split()
    renamed = [option for option in ("--" + name.replace("_", "-") for name in names) if option in options]
    return f"it is called {' or '.join(renamed)}" if renamed else nearest(word, options)


def _examples(*commands: str) -> str:
    title = "examples" if len(commands) > 1 else "example"
    return "\n".join([f"{title}:", *(f"  {command}" for command in commands)])
