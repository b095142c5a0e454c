"""The lab on real hosts: the collection of tasks that `fab` reads."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """`namespace`, made when it is asked for: importing one module here must not load all tasks."""
    if name != "namespace":
        raise AttributeError(name)
    from invoke import Collection  # noqa: PLC0415 - see above

    from scripts.tasks import ALL  # noqa: PLC0415 - see above

    return Collection(*ALL)
