"""One function over many items: here, by processes, or on a Ray cluster, with the same results in the same order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from ..base.checks import whole
from .failure import Failure
from .processes import Pool
from .ray_cluster import by_ray

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def mapped(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int = 0,
    ray: str | None = None,
    processors: int = 1,
    retries: int = 0,
    patience: float = 0.0,
    done: Callable[[Item, Result | Failure], None] | None = None,
) -> Iterator[Result | Failure]:
    """`function` of each item, in the items' order; a `Failure` where it raised an exception or its process died.

    The function should be one that gives the same wherever it runs: it is called again for an item whose process died.
    It stands at the top of a module, and items and results are plain data, so that other processes can be sent them.

    Args:
        function: what is done.
        items: with what.
        workers: the number of processes; 0 works here, in this one.
        ray: the address of a Ray cluster that does it instead: "local" for one that is started here, "auto"
            for the one that this machine belongs to, or "host:port". It needs `pip install 'chalkgrad[ray]'`.
        processors: how many of the cluster's an item takes; at least so many must be there.
        retries: how often an item is tried again whose process died.
        patience: on Ctrl-C the processes are asked to end (SIGTERM), and killed if they have not after so many seconds.
        done: called with an item and what came of it as soon as it has, in whatever order they come.

    Raises:
        OptionError: where the workers are no number of them, or there is no such cluster, or too small a one.
    """
    whole("mapped", "workers", workers, 0)
    tell: Callable[[Item, Result | Failure], None] = done or _nobody
    if ray is not None:
        return by_ray(function, items, ray, retries, processors, tell)
    if workers == 0:
        return _here(function, items, tell)
    return _by_processes(Pool(function, min(workers, len(items)), retries, patience), items, tell)


def _by_processes(
    pool: Pool, items: Sequence[Item], tell: Callable[[Item, Result | Failure], None]
) -> Iterator[Result | Failure]:
    try:
        yield from pool.map(items, tell)
    finally:
        pool.close()


def _nobody(item: object, result: object) -> None:
    """Hears what came of an item."""


def _here(
    function: Callable[[Item], Result], items: Sequence[Item], tell: Callable[[Item, Result | Failure], None]
) -> Iterator[Result | Failure]:
    for item in items:
        try:
            result: Result | Failure = function(item)
        except Exception as error:
            result = Failure(item, error)
        tell(item, result)
        yield result
