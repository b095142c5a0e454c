"""A cluster that is looked at again and again, one of whose hosts is gone without a word: real
clients, and brokers that are silent as a dead host is."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from lab.endpoint import Endpoint
from scripts.clients import brokers as python_side, watched as module
from scripts.clients.kafka import Cluster
from scripts.clients.watched import Watched
from scripts.errors import LabError
from tests.fake_brokers import END, TOPIC, FakeBrokers, fake_brokers

pytestmark = pytest.mark.own_port
LOGS = {id: [(TOPIC, 0)] for id in (1, 2, 3)}
PATIENCE = 1.5  # s, instead of 2: a busy machine takes most of a second for what takes 0.01
UNMENDED = 9.0  # s, less than kafka-python waits for a connection by itself


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBrokers]:
    monkeypatch.setattr(module, "ANSWER_SECONDS", PATIENCE)
    monkeypatch.setattr(module, "PATIENCE_SECONDS", PATIENCE)
    monkeypatch.setattr(python_side, "CONNECT_MS", PATIENCE * 1000)
    monkeypatch.setattr(python_side, "REQUEST_MS", PATIENCE * 1000)
    with fake_brokers(1, 2, 3) as found:
        yield found


@pytest.fixture
def watched(cluster: FakeBrokers) -> Iterator[Watched]:
    found = Watched(Endpoint(cluster.servers), "dc1")
    yield found
    found.brokers.close()


def asked(cluster: FakeBrokers) -> int:
    """The broker that is asked for metadata, again and again: the client stays with one."""
    counts = {id: one.heard.count("MetadataRequest") for id, one in cluster.brokers.items()}
    return max(counts, key=lambda id: counts[id])


def test_a_dead_host_is_gone_and_the_others_are_not(
    cluster: FakeBrokers, watched: Watched
) -> None:
    for _ in range(9):
        assert watched.metadata().brokers == {1, 2, 3}
    dead = asked(cluster)
    cluster.brokers[dead].die()
    assert watched.metadata().brokers == {1, 2, 3}, "it is asked of others, who know no better yet"
    cluster.told.remove(dead)
    # A new client greets whom it knows of, and asks who answers that.
    heard = cluster.brokers[dead].heard
    asked_before = heard.count("MetadataRequest")
    assert watched.metadata().brokers == {1, 2, 3} - {dead}
    assert heard.count("MetadataRequest") == asked_before, "who is silent is not asked again"


def test_who_answered_soon_is_not_waited_for_long(
    cluster: FakeBrokers, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", UNMENDED)
    for _ in range(9):
        watched.metadata()
    cluster.brokers[asked(cluster)].die()
    began = time.monotonic()
    assert watched.metadata().brokers == {1, 2, 3}
    assert time.monotonic() - began < UNMENDED / 2


def test_who_has_much_to_tell_is_waited_for(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.0)
    waited = []
    ask = watched.admin.list_topics

    class Slow:
        def list_topics(self, timeout: float) -> object:
            waited.append(timeout)
            time.sleep(0.05)
            return ask(timeout=timeout)

    monkeypatch.setattr(Watched, "admin", Slow())
    for _ in range(2):
        assert watched.metadata().brokers == {1, 2, 3}
    assert waited[0] == PATIENCE, "nobody knows yet how long it takes"
    assert module.PATIENCE * 0.05 <= waited[1] <= PATIENCE


def test_of_those_that_are_all_gone_it_is_told(cluster: FakeBrokers, watched: Watched) -> None:
    watched.metadata()
    for one in cluster.brokers.values():
        one.die()
    for _ in range(2):
        with pytest.raises(LabError, match="no broker answers"):
            watched.metadata()


@pytest.mark.parametrize("known", [True, False], ids=["connected", "not connected"])
def test_a_dead_host_holds_up_the_others_logs_once(
    cluster: FakeBrokers, watched: Watched, known: bool
) -> None:
    places = {(id, (TOPIC, 0)): END for id in LOGS}
    assert watched.ends({1: LOGS[1], 2: LOGS[2]}).keys() == places.keys() - {(3, (TOPIC, 0))}
    if known:
        assert watched.ends(LOGS) == places
    cluster.brokers[3].die()
    began = time.monotonic()
    del places[3, (TOPIC, 0)]
    assert watched.ends(LOGS) == places
    assert time.monotonic() - began < UNMENDED


def test_who_waits_for_a_cluster_sees_it_again_when_it_looks_again(cluster: FakeBrokers) -> None:
    seen = Cluster("dc1", Endpoint(cluster.servers), (1, 2, 3))
    for _ in range(9):
        assert seen.view().brokers == (1, 2, 3)
    dead = asked(cluster)
    cluster.brokers[dead].die()
    cluster.told.remove(dead)
    with pytest.raises(LabError, match="Timed out"):
        seen.view(timeout=PATIENCE)
    assert len(seen.view().brokers) == 2
