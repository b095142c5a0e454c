"""Brokers where people log in with passwords and tickets, and may do what they were granted: a move
there is killed and completed, failures are rehearsed, and one run leads back while somebody writes.
Each test begins with the listeners that it names, and has a topic of its own.

One datacenter with ZooKeeper, the other with Kafka of today, and mirrors both ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import Lab, answers, until
from tests.e2e.test_listeners import TOPIC, killed_on_the_way, plain, read, writing
from tests.e2e.test_scram import APP, client, say

pytestmark = [pytest.mark.host, pytest.mark.area("security"),
              pytest.mark.full("security", sample=0)]

OLD = {"control": 1, "zookeeper": 1, "kafka": 2}
BACK = "back"
MINE = {**APP, "acls": [*APP["acls"], f"write topic {BACK}", f"read topic {BACK}"]}
TODAY = {"control": 1, "metadata": "kraft", "version": "4.3.1", "combined": 1, "kafka": 1}


@pytest.fixture(scope="module")
def lab(make_lasting: MakeLab) -> Iterator[Lab]:
    lab = make_lasting(
        "people", first=228, port_base=20400, datacenters=(OLD, TODAY), links=[("dc1", "dc2")],
        mirrors=({"from": "dc1", "to": "dc2"}, {"from": "dc2", "to": "dc1"}),
        topics=({"name": TOPIC, "partitions": 4}, {"name": BACK, "partitions": 4}),
        sections={"kafka": {"min_insync_replicas": 1}}, tables={"users": [MINE]},
    )
    yield lab


def at(lab: Lab, listeners: str) -> None:
    """The lab with these listeners, from wherever it is."""
    say(lab, listeners)
    lab.fab("up")


def in_order(lab: Lab) -> None:
    assert lab.fab("plan").out.endswith("plan: nothing to do\n")
    assert "in order, nothing to do" in lab.fab("up").out
    lab.fab("verify")
    assert lab.fab("mirror.status", "--json").json["healthy"]


def proven(lab: Lab) -> None:
    """Every listener, with all that may be said at it; what users may; and nothing is readable."""
    told = lab.fab("security.check").out
    assert "attempts, 0 of them not as it should be" in told and "not proven" not in told
    for words in ("app's password", "another password", "app's keys", "another's keys",
                  "no ticket", "no certificate of its own", "trust in others"):
        assert words in told
    for place in ("dc1", "dc2"):
        assert f"{place}: listened in on {5 * len(lab.of('kafka', place))} listeners, 0 of" in told
        assert f"{place}: 7 answers to users, 0 of them not as the lab file says\n" in told
    rows = [line for line in told.splitlines() if " app " in line and TOPIC in line]
    assert len(rows) == 2 and all("read, write, describe   create, delete" in one for one in rows)


def test_a_move_that_is_killed_again_and_again_loses_nothing(lab: Lab) -> None:
    at(lab, "plaintext")
    with writing(plain(lab)) as load:
        say(lab, ["plaintext", "kerberos"])
        killed_on_the_way(lab)
        load.turn(client(lab))
        say(lab, "kerberos")
        lab.kill_when(r"dc1-kafka\d+: restart kafka -> 0", "up")
        lab.fab("up")
    in_order(lab)
    proven(lab)
    seen = read(client(lab), load.sent)
    assert len(seen) == load.sent, "nothing is lost, and nothing came twice"


@pytest.mark.parametrize("words", [
    ("drill.broker",), ("drill.failover", "--from", "dc1", "--to", "dc2", "--failback"),
    ("drill.rolling",),
], ids=lambda words: words[0])
def test_what_fails_is_rehearsed_there(lab: Lab, words: tuple[str, ...]) -> None:
    at(lab, "kerberos")
    lab.fab(*words, timeout=600)
    assert lab.fab("plan").out.endswith("plan: nothing to do\n")


def test_one_run_leads_back_and_no_write_fails(lab: Lab) -> None:
    """Who writes goes over as soon as the open listeners are there."""
    at(lab, "kerberos")
    opened = [host.external_port or 0 for host in lab.of("kafka")]
    with ThreadPoolExecutor(1) as pool, writing(client(lab), BACK) as load:
        say(lab, "plaintext")
        run = pool.submit(lab.fab, "up")
        until(lambda: all(map(answers, opened)), "all brokers are open", 120)
        load.turn(plain(lab))
        run.result(300)
    in_order(lab)
    seen = read(plain(lab), load.sent, BACK)
    assert len(seen) == load.sent, "nothing is lost, and nothing came twice"
    assert not [host for host in lab.of("kafka") if answers(host.ssh_port + 370)]
