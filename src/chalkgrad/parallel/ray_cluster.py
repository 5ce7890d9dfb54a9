"""A Ray cluster: reached, and given items to work on. Ray is imported when it is asked for."""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from ..base.errors import OptionError
from .failure import DiedError, Failure

LOCAL = "local"
"""The address that starts a cluster here."""
PATIENCE = 5.0
"""Seconds in which a cluster has to answer."""


@contextmanager
def cluster(address: str) -> Generator[Any]:
    """Ray's module, connected to the cluster at an address; one that was reached here is left at the end.

    Raises:
        OptionError: where Ray is not installed, or there is no cluster.
    """
    try:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else Ray warns of what it will do some day
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise OptionError("Ray is not installed: pip install 'chalkgrad[ray]'") from None
    if ray.is_initialized():
        yield ray
        return
    _check_reachable(address)
    extra: dict[str, Any] = {"include_dashboard": False} if address == LOCAL else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **extra)
    except Exception as error:  # Ray raises ConnectionError, RuntimeError, ValueError, and errors of its own
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise OptionError(f"there is no Ray cluster at {address!r}: {first}") from None
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raises OptionError where nobody listens at "host:port", for which Ray would wait for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or "/" in host:
        return
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise OptionError(f"there is no Ray cluster at {address!r}: {error}") from None


class Actors:
    """Actors of a Ray cluster, which keep what they were made with: a `Crew`.

    Args:
        make: makes, in each of them, the function that is done with items.
        count: how many there are; each is given one processor.
        address: the cluster's.
        restarts: how often one that is lost is made again, wherever there is room; its item is then done again.
    """

    def __init__(self, make: Callable[[], Callable[[Any], Any]], count: int, address: str, restarts: int) -> None:
        self._open = ExitStack()
        self._ray = self._open.enter_context(cluster(address))
        try:
            _check_room(self._ray, address, count)
        except OptionError:
            self._open.close()
            raise
        kind = self._ray.remote(_Actor)
        self._made = [self._ray.put(make)]  # in a list, so that Ray hands on where it is, and not what it is
        options = {"num_cpus": 1, "max_restarts": restarts, "max_task_retries": restarts}
        self._actors = [kind.options(**options).remote() for _ in range(count)]

    def do(self, items: Sequence[Any]) -> list[Any]:
        """What came of each item, in their order; see `Crew`."""
        count = len(self._actors)
        references = [self._actors[k % count].work.remote(self._made, item) for k, item in enumerate(items)]
        try:
            return self._ray.get(references)
        except self._ray.exceptions.RayTaskError as error:
            raise _own(error) from None
        except self._ray.exceptions.RayError as error:
            raise DiedError(str(error).strip().splitlines()[0]) from None

    def close(self) -> None:
        """Ends the actors."""
        for actor in self._actors:
            self._ray.kill(actor)
        self._open.close()


class _Actor:
    """An actor: a function that it makes when it is called first, and keeps."""

    def __init__(self) -> None:
        self._function: Callable[[Any], Any] | None = None

    def work(self, made: Sequence[Any], item: Any) -> Any:
        function = self._function
        if function is None:
            ray: Any = importlib.import_module("ray")
            function = self._function = ray.get(made[0])()
        return function(item)


def by_ray(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    address: str,
    retries: int,
    processors: int,
    tell: Callable[[Any, Any], None],
) -> Iterator[Any]:
    """What came of each item, in their order, by tasks of a Ray cluster; arguments as `mapped` has them.

    A task is tried again where the worker or the machine that had it is lost.
    """
    with cluster(address) as ray:
        _check_room(ray, address, processors)
        name = getattr(getattr(function, "func", function), "__name__", "function")
        task = ray.remote(_called).options(max_retries=retries, num_cpus=processors, name=name)
        sent = ray.put(function)
        places: dict[Any, int] = {task.remote(sent, item): place for place, item in enumerate(items)}
        results: dict[int, Any] = {}
        following = 0
        try:
            while following < len(items):
                (reference,), _ = ray.wait(list(places), num_returns=1)
                place = places.pop(reference)
                try:
                    results[place] = ray.get(reference)
                except ray.exceptions.RayTaskError as error:
                    results[place] = Failure(items[place], _own(error))
                except ray.exceptions.RayError as error:
                    results[place] = Failure(items[place], DiedError(str(error).strip().splitlines()[0]))
                tell(items[place], results[place])
                while following in results:
                    yield results.pop(following)
                    following += 1
        finally:
            for reference in places:
                ray.cancel(reference)


def _check_room(ray: Any, address: str, processors: int) -> None:
    """Raises OptionError where a cluster has fewer processors than are needed at a time: Ray would wait for more."""
    there = int(ray.cluster_resources().get("CPU", 0))
    if there < processors:
        raise OptionError(f"the Ray cluster at {address!r} has {there} processors, and {processors} are asked for")


def _called(function: Callable[[Any], Any], item: Any) -> Any:
    """A task: the function, which may be a `functools.partial`, of an item."""
    return function(item)


def _own(error: Any) -> Exception:
    """What the function raised, without Ray's frame around it."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, Exception) else error
