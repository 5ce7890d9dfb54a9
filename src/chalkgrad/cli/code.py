"""A function in somebody's own file of Python, named as my_backward.py:function."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..base.errors import DataError, nearest


def read_code(text: str) -> Any:
    """What a name in a file of Python stands for: the file is run as a module, in the folder that it is in.

    Args:
        text: "my_backward.py:function"; without a name the only function that the file defines.

    Raises:
        DataError: where there is no such file or name, or the file fails; it says in which line.
    """
    path, name = _split(text)
    if path.suffix != ".py" or not path.is_file():
        raise DataError(
            f"--code takes a file of Python and a name in it, my_backward.py:function; {path} is no such file"
        )
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever their code raises
        raise DataError(failure(path, error)) from error
    finally:
        sys.path.pop(0)
    own = {
        n: v
        for n, v in vars(module).items()
        if callable(v) and not n.startswith("_") and getattr(v, "__module__", None) == path.stem
    }
    if not name and len(own) == 1:
        return next(iter(own.values()))
    if not name:
        raise DataError(
            f"{path} defines {', '.join(own) or 'no function'}; name one, {path}:{next(iter(own), 'function')}"
        )
    if not hasattr(module, name):
        raise DataError(f"{path} has no {name}; {nearest(name, own)}")
    return getattr(module, name)


def watched(function: Any, text: str) -> Any:
    """A function of numbers whose errors say in which line of its file they came up; other things as they are."""
    if not callable(function) or isinstance(function, type) or hasattr(function, "named_parameters"):
        return function
    call: Callable[..., Any] = function
    path, _ = _split(text)

    def run(*arguments: Any) -> Any:
        try:
            return call(*arguments)
        except Exception as error:  # whatever their code raises
            raise DataError(failure(path, error)) from error

    run.__name__ = str(getattr(function, "__name__", "function"))
    return run


def _split(text: str) -> tuple[Path, str]:
    """The file and the name in it, "" where there is none."""
    place, _, name = text.rpartition(":")
    return (Path(place), name) if place.endswith(".py") else (Path(text), "")


def failure(path: Path, error: BaseException) -> str:
    """An error of somebody's code in a line, with the last line of their file that it went through."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).name == path.name]
    if isinstance(error, SyntaxError) and error.lineno is not None:
        lines.append(error.lineno)
    where = f", line {lines[-1]}" if lines else ""
    return f"{path}{where}: {type(error).__name__}: {error}"
