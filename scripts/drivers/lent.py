"""What holds connections, for one look, or for all looks of somebody who goes on looking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar


class Closing(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=Closing)


class Lent:
    """Lends by name what is made for it. `lasting`: it is kept for the next time, until a use of it
    fails, or `close`; a client of Kafka costs more to make than what most looks ask of it."""

    def __init__(self, *, lasting: bool = False) -> None:
        self.lasting = lasting
        self._kept: dict[str, Any] = {}

    @contextmanager
    def __call__(self, name: str, make: Callable[[], C]) -> Iterator[C]:
        one: C = self._kept.pop(name, None) or make()
        try:
            yield one
        except BaseException:
            one.close()
            raise
        if self.lasting:
            self._kept[name] = one
        else:
            one.close()

    def close(self) -> None:
        """End what is kept. It may be asked again afterwards."""
        while self._kept:
            self._kept.popitem()[1].close()
