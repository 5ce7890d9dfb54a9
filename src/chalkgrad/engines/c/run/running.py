"""Running of a compiler so that it ends in time, and with this process."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SHELL = "/bin/sh"
PRELOADED = "LD_PRELOAD"
WATCHED = """
exec 3<&0
preloaded=$1
shift
LD_PRELOAD=$preloaded "$@" </dev/null 3<&- &
made=$!
(read -r _ <&3; kill -KILL 0) &
watch=$!
exec 3<&-
wait $made
status=$?
kill -KILL $watch
exit $status
"""
"""Runs a command, and ends it and all that it started as soon as nobody holds the other end of the standard input: the
system lets go of it however a process ends. (PR_SET_PDEATHSIG would reach the compiler, and not what that starts.)

What the user has loaded into every program is loaded into the command and not into the shell: with the library of the
thread sanitizer no shell starts."""


@dataclass(frozen=True, slots=True)
class Ran:
    """The result of a command.

    Attributes:
        status: its exit status.
        out, err: its output and its errors.
    """

    status: int
    out: str
    err: str


def run(command: Sequence[str], seconds: float, further: Mapping[str, str] | None = None) -> Ran:
    """The result of a command with nothing to read; when this returns or raises, it has ended, with all it started.

    Args:
        command: the program and its arguments.
        seconds: the most seconds that it may take.
        further: further environment variables.

    Raises:
        OSError: where it cannot be started, or takes longer (TimeoutError).
    """
    environment = {**os.environ, **(further or {}), "LC_ALL": "C"}
    watch = os.name == "posix" and os.path.exists(SHELL)
    if watch:
        command = [SHELL, "-c", WATCHED, SHELL, environment.pop(PRELOADED, ""), *command]
    read_end, write_end = os.pipe()
    try:
        process = subprocess.Popen(
            command,
            stdin=read_end if watch else subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment, start_new_session=watch, encoding="utf-8", errors="replace",
        )  # fmt: skip
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException as error:
            if process.returncode is None:
                if watch:
                    os.killpg(process.pid, signal.SIGKILL)
                process.kill()
                process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise TimeoutError(f"it did not end within {seconds:.0f} seconds") from None
            raise
        finally:
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
    finally:
        os.close(read_end)
        os.close(write_end)
    return Ran(process.returncode, out, err)
