"""What is told of a mirror's topics, against clusters in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from lab.endpoint import Endpoint
from lab.mirrors.offsets import Record
from lab.options.mirrors import Mirror
from scripts.clients.partitions import Stamp
from scripts.drivers import copies as module
from scripts.drivers.copies import Copies, Look
from scripts.drivers.lag import At
from tests.lab.test_offsets import Log


@dataclass
class Cluster:
    """Partitions in memory, and how often each thing was asked for."""

    logs: dict[At, Log] = field(default_factory=dict)
    compact: set[str] = field(default_factory=set)
    unreadable: dict[At, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def close(self) -> None: ...

    def sizes(self) -> dict[str, int]:
        self.asked.append("sizes")
        return {topic: 1 + max(p for t, p in self.logs if t == topic) for topic, _ in self.logs}

    def lows(self, places: Iterable[At]) -> dict[At, int]:
        self.asked.append("lows")
        return {at: self.logs[at].low for at in places if at in self.logs}

    def ends(self, places: Iterable[At]) -> dict[At, int]:
        self.asked.append("ends")
        return {at: self.logs[at].end for at in places if at in self.logs}

    def heads(self, places: Iterable[At]) -> tuple[dict[At, int], dict[At, Stamp]]:
        places = list(places)
        return self.lows(places), self.oldest(places)

    def oldest(self, places: Iterable[At]) -> dict[At, Stamp]:
        return self.since_each(dict.fromkeys(places, 0))

    def since_each(self, times: Mapping[At, int]) -> dict[At, Stamp]:
        self.asked.append("since")
        found = {at: next(self.logs[at].since(time), None) for at, time in times.items()}
        return {at: Stamp(one.offset, one.timestamp) for at, one in found.items() if one}

    def firsts(self, starts: Mapping[At, int]) -> dict[At, Record]:
        self.asked.append("firsts")
        found = {at: self.logs[at].first(start) for at, start in starts.items()}
        return {at: one for at, one in found.items() if one}

    def compacted(self, topics: Iterable[str]) -> set[str]:
        return self.compact & set(topics)


def log(*times: int | None, low: int = 0) -> Log:
    """A record of each time, whose content is the time; None is a marker."""
    return Log([Record(offset, time, None, b"%d" % time)
                for offset, time in enumerate(times, low) if time is not None],
               low + len(times), low)


MIRROR = Mirror.model_validate({"from": "a", "to": "b"})


@dataclass
class World:
    """The source a, the target b, and where the mirror stands by its own account."""

    a: Cluster = field(default_factory=Cluster)
    b: Cluster = field(default_factory=Cluster)
    offsets: dict[At, int] = field(default_factory=dict)
    mirrors: tuple[Mirror, ...] = (MIRROR,)
    others: dict[str, Cluster] = field(default_factory=dict)

    def copies(self, monkeypatch: pytest.MonkeyPatch) -> Copies:
        clusters = {"a": self.a, "b": self.b, **self.others}

        def cluster(endpoint: Endpoint, where: str, **more: Any) -> Cluster:
            assert endpoint.servers == where
            return clusters[where]

        def part(of: Cluster, place: At, low: int, end: int) -> Log:
            assert (low, end) == (of.logs[place].low, of.logs[place].end)
            return of.logs[place]

        monkeypatch.setattr(module, "Partitions", cluster)
        monkeypatch.setattr(module, "Part", part)
        monkeypatch.setattr(module, "AGAIN_SECONDS", 0)
        return Copies(
            self.mirrors[0], Endpoint("a"), Endpoint("b"), lambda: self.offsets,
            mirrors=self.mirrors, others={name: Endpoint(name) for name in self.others},
        )

    def look(self, monkeypatch: pytest.MonkeyPatch) -> Look:
        return self.copies(monkeypatch).look()


def test_what_is_in_order_is_told_with_few_requests_and_without_reading(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(
        Cluster({(f"t{n}", 0): log(5, 6) for n in range(50)}),
        Cluster({(f"a.t{n}", 0): log(5, None, 6, None) for n in range(50)}),
        {(f"t{n}", 0): 2 for n in range(50)},
    )
    found = world.look(monkeypatch)
    assert not found.faults and not found.notes and not found.lacking
    assert len(found.partitions) == 50
    assert {(one.source_end, one.mirrored, one.records) for one in found.partitions} == {(2, 2, 0)}
    assert len(world.a.asked) <= 6 and len(world.b.asked) <= 4


def test_a_topic_that_waits_is_there_with_all_of_its_records(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(Cluster({("new", 0): log(5, 6, low=3), ("connect-x", 0): log(7)}), Cluster())
    found = world.look(monkeypatch)
    (one,) = found.partitions
    assert (one.topic, one.source_end, one.mirrored, one.records) == ("new", 5, 3, 2)
    assert one.seconds > 0
    assert found.notes == (
        "new has no copy in b yet",
        "connect-x is not mirrored: its name begins with connect-, as Kafka Connect's own do",
    )
    assert not found.faults


def test_where_only_markers_are_left_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(
        Cluster({("t", 0): log(5, None), ("u", 0): log(5, None, 6, None)}),
        Cluster({("a.t", 0): log(5), ("a.u", 0): log(5)}), {("t", 0): 1, ("u", 0): 1},
    )
    found = {one.topic: (one.source_end, one.mirrored, one.records, one.seconds > 0)
             for one in world.look(monkeypatch).partitions}
    assert found == {"t": (2, 1, 0, False), "u": (4, 1, 3, True)}


def test_a_topic_that_is_gone_leaves_its_copy_and_that_is_told(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(Cluster(), Cluster({("a.t", 0): log(5)}), {("t", 0): 1, ("u", 0): 1})
    found = world.look(monkeypatch)
    assert found == Look(notes=("t is gone from a; its copy a.t stays",))


@pytest.mark.parametrize("times", [(), (8,), (8, 9)])
def test_a_topic_that_was_made_anew_shorter_is_behind_by_all_it_has(
    monkeypatch: pytest.MonkeyPatch, times: tuple[int, ...]
) -> None:
    world = World(Cluster({("t", 0): log(*times)}), Cluster({("a.t", 0): log(5, 6, 7)}),
                  {("t", 0): 3})
    found = world.look(monkeypatch)
    (one,) = found.partitions
    assert (one.source_end, one.mirrored, one.records, one.before) == (
        len(times), 0, len(times), 3
    )
    assert "t-0 was made anew in a: it is mirrored from its beginning" in found.notes[0]


def skipped() -> World:
    """The topic was made anew with more records than the mirror had copied before."""
    return World(Cluster({("t", 0): log(8, 9, 10, 11)}), Cluster({("a.t", 0): log(5, 6, 11)}),
                 {("t", 0): 4})


def test_what_a_mirror_skipped_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    found = skipped().look(monkeypatch)
    assert found.lacking == (("t", 0),)
    (fault,) = found.faults
    assert fault.startswith("a.t lacks records of t-0 that the mirror is past: ")
    assert "run `fab mirror`" in fault
    assert skipped().copies(monkeypatch).lacking() == (("t", 0),)


def test_a_mirror_that_has_not_said_yet_that_it_began_anew_is_asked_again(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    world = skipped()
    answers = [world.offsets, {("t", 0): 0}]
    copies = world.copies(monkeypatch)
    monkeypatch.setattr(copies, "_mirrored", lambda: answers.pop(0))
    assert copies.look().faults == ()


def test_of_a_compacted_topic_nothing_is_held_to_be_skipped(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    world = skipped()
    world.a.compact.add("t")
    assert world.look(monkeypatch).lacking == ()


def test_a_copy_that_cannot_be_read_now_is_not_one_that_lacks(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    world = skipped()
    world.b.unreadable["a.t", 0] = "no leader"
    copy = world.b.logs
    monkeypatch.setattr(world.b, "lows", lambda places: {})
    assert copy
    found = world.look(monkeypatch)
    assert found.lacking == () and found.faults == ()
    assert "a.t-0 in b cannot be read: no leader" in found.notes


def test_a_deleted_copy_lacks_what_was_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(Cluster({("t", 0): log(5, 6)}), Cluster({("a.t", 0): log()}), {("t", 0): 2})
    assert world.look(monkeypatch).lacking == (("t", 0),)


def test_a_copy_that_somebody_wrote_to_before_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(Cluster({("t", 0): log(5, 6)}), Cluster({("a.t", 0): log(1, 5, 6)}),
                  {("t", 0): 2})
    found = world.look(monkeypatch)
    assert found.faults == ()
    (note,) = found.notes
    assert note.startswith("a.t begins with records that t-0 in a does not have")


def test_a_registry_that_follows_may_write_into_its_journal(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    way = Mirror.model_validate({"from": "a", "to": "b", "topics": [".*", "_schemas"]})
    world = World(Cluster({("_schemas", 0): log(5, 6)}),
                  Cluster({("a._schemas", 0): log(1, 5, 6)}), {("_schemas", 0): 2}, (way,))
    found = world.look(monkeypatch)
    assert (found.faults, found.notes, found.lacking) == ((), (), ())


def test_names_that_collide_or_are_too_long_are_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    keeping = Mirror.model_validate({"from": "a", "to": "b", "policy": "identity"})
    other = Mirror.model_validate({"from": "c", "to": "b"})
    world = World(
        Cluster({("c.t", 0): log()}), Cluster({("c.t", 0): log()}), {}, (keeping, other),
        {"c": Cluster({("t", 0): log()})},
    )
    (fault,) = world.look(monkeypatch).faults
    assert fault.startswith("c.t in b is the copy of c.t of a and of t of c: ")
    world = World(Cluster({("x" * 248, 0): log()}))
    (fault,) = world.look(monkeypatch).faults
    assert fault == f"{'x' * 248} is not mirrored: its copy's name would have more than 249 " \
                    "characters"
