"""Workers that stay and keep what they were made with: each item costs only what is sent for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from .failure import Failure
from .processes import Pool
from .ray_cluster import Actors

RETRIES = 10
"""So often an item is done again, and a worker made again, that was lost."""


class Crew(Protocol):
    """Workers that each made the same function."""

    def do(self, items: Sequence[Any]) -> list[Any]:
        """The function of each item, in their order. One whose worker was lost is done again by another.

        Raises:
            Exception: what the function raised first.
            DiedError: where workers are lost again and again.
        """
        ...

    def close(self) -> None:
        """Ends the workers."""
        ...


def crew(make: Callable[[], Callable[[Any], Any]], workers: int = 0, ray: str | None = None) -> Crew:
    """Workers of this machine or of a Ray cluster.

    Args:
        make: makes the function in every worker; it gives the same for the same item, whichever worker does it.
        workers: how many; 0 works here, in this process.
        ray: the address of the cluster, as `mapped` takes it; its workers are actors.
    """
    if ray is not None:
        return Actors(make, max(workers, 1), ray, RETRIES)
    return _Processes(make, workers) if workers else _Here(make)


class _Here:
    def __init__(self, make: Callable[[], Callable[[Any], Any]]) -> None:
        self._function = make()

    def do(self, items: Sequence[Any]) -> list[Any]:
        return [self._function(item) for item in items]

    def close(self) -> None:
        del self._function


class _Made:
    """A function that is made when it is called first: in the process that calls it."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]]) -> None:
        self._make = make
        self._function: Callable[[Any], Any] | None = None

    def __call__(self, item: Any) -> Any:
        if self._function is None:
            self._function = self._make()
        return self._function(item)


class _Processes:
    def __init__(self, make: Callable[[], Callable[[Any], Any]], workers: int) -> None:
        self._pool = Pool(_Made(make), workers, RETRIES, patience=0.0)

    def do(self, items: Sequence[Any]) -> list[Any]:
        results: list[Any] = []
        for result in self._pool.map(items, lambda item, result: None):
            if isinstance(result, Failure):
                self._pool.close()
                raise result.error
            results.append(result)
        return results

    def close(self) -> None:
        self._pool.close()
