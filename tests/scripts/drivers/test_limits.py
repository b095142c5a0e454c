"""Which record cannot cross: by the limits of the mirror, of the copy, and of its brokers."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka.admin import ConfigSource

from lab.mirrors.progress import At, Wait
from lab.mirrors.sizes import carried
from lab.options.mirrors import Mirror
from scripts.drivers import limits
from scripts.drivers.limits import Limits

TOPIC, BROKER, FILE, DEFAULT = (
    ConfigSource.DYNAMIC_TOPIC_CONFIG, ConfigSource.DYNAMIC_BROKER_CONFIG,
    ConfigSource.STATIC_BROKER_CONFIG, ConfigSource.DEFAULT_CONFIG,
)
USUAL = 1_048_588
HEAP_MB = 64


class Message:
    """A record of so many bytes at an offset."""

    def __init__(self, offset: int, size: int) -> None:
        self._offset, self._size = offset, size

    def offset(self) -> int:
        return self._offset

    def key(self) -> None:
        return None

    def headers(self) -> None:
        return None

    def value(self) -> bytes:
        return b"x" * self._size


class FakePartitions:
    """One partition, t-0, with records from offset 5 on."""

    def __init__(self, sizes: list[int]) -> None:
        self.records = [Message(5 + at, size) for at, size in enumerate(sizes)]

    def ends(self, places: Any) -> dict[At, int]:
        return {At(*at): 5 + len(self.records) for at in places}

    def messages(self, place: At, start: int, end: int) -> Iterator[Message]:
        return (one for one in self.records if start <= one.offset() < end)


def flow(*sizes: int, copied: bool = True) -> Any:
    parts = {0: SimpleNamespace(leader=3)} if copied else {}
    topics = {"a.t": SimpleNamespace(error=None, partitions=parts)}
    admin = SimpleNamespace(list_topics=lambda name, timeout: SimpleNamespace(topics=topics))
    connect = SimpleNamespace(heap_mb=HEAP_MB)
    return SimpleNamespace(
        mirror=Mirror.model_validate({"from": "a", "to": "b"}),
        source=SimpleNamespace(kafka="a", lab=SimpleNamespace(connect=connect)),
        target=SimpleNamespace(kafka=SimpleNamespace(name="b", admin=admin)),
        partitions=FakePartitions(list(sizes)), copy=lambda at: At(f"a.{at.topic}", at.partition),
    )


def refused(
    monkeypatch: pytest.MonkeyPatch, found: Any, *, copy: tuple[ConfigSource, int],
    source: tuple[ConfigSource, int] = (DEFAULT, USUAL), brokers: int = USUAL,
) -> Any:
    """The record of t-0 that cannot cross, where the limits are these."""
    def described(cluster: Any, kind: str, name: str, key: str) -> Any:
        known = {
            ("BROKER", "3", "message.max.bytes"): (BROKER, brokers),
            ("TOPIC", "a.t", "max.message.bytes"): copy,
            ("TOPIC", "t", "max.message.bytes"): source,
        }
        origin, size = known[kind, name, key]
        return SimpleNamespace(source=origin.value, value=str(size))

    monkeypatch.setattr(limits, "_described", described)
    waits = [Wait(At("t", 0), 5, 60)]
    return next(iter(Limits(cast(Any, found)).refused(waits)), None)


def test_the_first_record_that_is_too_large_is_found_behind_others(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    one = refused(monkeypatch, flow(5, 5, 50_000, 60_000), copy=(BROKER, 20_000), brokers=20_000)
    assert str(one) == "t-0 at offset 7 has 50,072 bytes, and a broker of b takes 20,000"
    assert one.remedy.startswith("raise message.max.bytes in b, or max.message.bytes of t in a")
    assert not one.coming


def test_what_the_copy_takes_to_the_byte_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, taken in ((50_072, True), (50_071, False)):
        one = refused(monkeypatch, flow(50_000), copy=(TOPIC, limit))
        assert (one is None) is taken


@pytest.mark.parametrize(("copy", "source", "brokers", "later"), [
    ((TOPIC, 9), (DEFAULT, USUAL), USUAL, USUAL),  # a limit of the copy alone is taken back
    ((TOPIC, 9), (DEFAULT, USUAL), 9, 9),
    ((TOPIC, 9), (TOPIC, 500), 9, 500),
    ((BROKER, 9), (BROKER, 500), 9, 500),  # what is set at run time becomes the copy's own
    ((TOPIC, 9), (FILE, 500), USUAL, 9),  # what stands in the source's files stays there
    ((FILE, 9), (FILE, 500), 9, 9),
], ids=str)
def test_a_limit_that_will_change_with_the_topics_settings_is_known(
    monkeypatch: pytest.MonkeyPatch, copy: Any, source: Any, brokers: int, later: int
) -> None:
    """What the mirror itself does next, as MirrorSourceConnector.targetConfig decides it."""
    one = refused(monkeypatch, flow(100), copy=copy, source=source, brokers=brokers)
    assert one.coming is (later >= one.size)


def test_where_there_is_no_copy_yet_only_the_mirrors_own_limit_counts(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refused(monkeypatch, flow(USUAL, copied=False), copy=(DEFAULT, 9)) is None
    one = refused(monkeypatch, flow(carried(HEAP_MB), copied=False), copy=(DEFAULT, 9))
    assert "a mirror with this heap takes 8,388,608" in str(one)
    assert "heap_mb" in one.remedy and not one.coming
