"""Properties that are computed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T_co = TypeVar("T_co", covariant=True)


class cached_property(Generic[T_co]):  # noqa: N801
    """A property that is computed when it is first asked for, and kept in the instance's `__dict__`.

    That of `functools` holds a lock meanwhile, before Python 3.12, one for all instances: a process that is forked
    while another thread computes would wait for it for ever. Here two threads may compute the value; they get the same
    one.
    """

    def __init__(self, compute: Callable[[Any], T_co]) -> None:
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T_co: ...
    def __get__(self, instance: object | None, owner: type | None = None) -> T_co | Self:
        if instance is None:
            return self
        return instance.__dict__.setdefault(self.name, self.compute(instance))
