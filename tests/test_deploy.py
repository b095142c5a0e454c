"""What `fab up` gets before it makes hosts, and what of it side by side."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts import deploy
from scripts.errors import LabError

WAIT_S = 20
KAFKA = "the distribution"


@dataclass
class Lab:
    """A session whose fetch of Kafka and whose platform tell when they begin and end.

    With `meet` each of the two goes on only once the other has begun.
    """

    cached: bool = False
    fetch_fails: bool = False
    meet: threading.Barrier | None = None
    done: list[str] = field(default_factory=list)

    @property
    def platform(self) -> Lab:
        return self

    def peek_distribution(self) -> str | None:
        return KAFKA if self.cached else None

    def distribution(self) -> str:
        if self.meet:
            self.meet.wait(WAIT_S)
        if self.fetch_fails:
            raise LabError("Kafka could not be had")
        self.done.append("fetch")
        return KAFKA

    def prepare(self, distribution: str | None, names: Collection[str]) -> None:
        if self.meet and distribution is None:
            self.meet.wait(WAIT_S)
        self.done.append(f"prepare {sorted(names)} with {distribution}")


def prepare(lab: Lab, *missing: str) -> object:
    hosts = [SimpleNamespace(name=name) for name in missing]
    return deploy._prepare(cast(Any, lab), cast(Any, hosts))


def test_the_first_time_kafka_is_fetched_beside_the_image() -> None:
    lab = Lab(meet=threading.Barrier(2))
    assert prepare(lab, "b", "a") == KAFKA
    assert sorted(lab.done[:2]) == ["fetch", "prepare ['a', 'b'] with None"]
    assert lab.done[2:] == [f"prepare ['a', 'b'] with {KAFKA}"]


def test_with_kafka_in_the_cache_no_image_is_made_that_may_not_be_needed() -> None:
    lab = Lab(cached=True)
    prepare(lab, "a")
    assert lab.done == ["fetch", f"prepare ['a'] with {KAFKA}"]


def test_where_all_hosts_run_no_image_is_made() -> None:
    lab = Lab()
    assert prepare(lab) == KAFKA
    assert lab.done == ["fetch"]


def test_what_fails_beside_is_the_error_of_the_run() -> None:
    lab = Lab(fetch_fails=True, meet=threading.Barrier(2))
    with pytest.raises(LabError, match="could not be had"):
        prepare(lab, "a")
    assert lab.done == ["prepare ['a'] with None"], "what is done stays for the next run"


def test_a_run_that_ends_does_not_wait_for_what_goes_on_beside_it() -> None:
    begun, hold = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        hold.wait(WAIT_S)

    wait = deploy.beside(work)
    assert begun.wait(WAIT_S)
    (thread,) = [one for one in threading.enumerate() if one.name == deploy.BESIDE]
    assert thread.daemon
    hold.set()
    assert wait() is None
