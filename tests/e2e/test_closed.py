"""Brokers that ask for a certificate and refuse what nobody granted: all that a lab does goes on.

Datacenters with either kind of metadata, and mirrors both ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lab.paths import CERTIFICATES
from tests.e2e.conftest import MakeLab, remove
from tests.e2e.lab_under_test import Lab
from tests.e2e.test_listeners import TOPIC, closed, killed_on_the_way, plain, read, writing

pytestmark = [pytest.mark.host, pytest.mark.area("security"),
              pytest.mark.full("security", sample=0)]

KEEPERS = {
    "zookeeper": {"control": 1, "zookeeper": 1, "kafka": 2},
    "kraft": {"control": 1, "metadata": "kraft", "controller": 1, "kafka": 2},
}
OTHER = {"control": 1, "metadata": "kraft", "combined": 1, "kafka": 1}
CLOSED: dict[str, Any] = {"listeners": "mtls", "acls": True}


def made(
    make: MakeLab, name: str, keeper: str, *, first: int, port_base: int, **security: Any
) -> Lab:
    lab = make(
        f"{name}-{keeper}", first=first, port_base=port_base, datacenters=(KEEPERS[keeper], OTHER),
        links=[("dc1", "dc2")],
        mirrors=({"from": "dc1", "to": "dc2"}, {"from": "dc2", "to": "dc1"}),
        topics=({"name": TOPIC, "partitions": 4},),
        sections={"kafka": {"min_insync_replicas": 1}, **security},
    )
    lab.fab("up")
    return lab


def known(lab: Lab) -> dict[str, Any]:
    """The settings of a client that the lab itself is."""
    key = str(lab.state / CERTIFICATES / "client.pem")
    return {**closed(lab), "ssl.certificate.location": key, "ssl.key.location": key}


@pytest.fixture(scope="module", params=list(KEEPERS))
def lab(make_lasting: MakeLab, request: pytest.FixtureRequest) -> Iterator[Lab]:
    lab = made(make_lasting, "closed", request.param, first=232, port_base=14600, security=CLOSED)
    yield lab
    remove(lab)  # the next one has its place


def in_order(lab: Lab) -> None:
    assert lab.fab("plan").out == "plan: nothing to do\n"
    assert "in order, nothing to do" in lab.fab("up").out
    lab.fab("verify")
    assert "0 of them not as it should be" in lab.fab("security.check").out


def test_it_is_made_so_and_stays_so(lab: Lab) -> None:
    in_order(lab)
    assert lab.fab("mirror.status", "--json").json["healthy"]


@pytest.mark.parametrize("words", [
    ("drill.failover", "--from", "dc1", "--to", "dc2", "--failback"),
    ("drill.broker",), ("drill.rolling",),
], ids=lambda words: words[0])
def test_what_fails_is_rehearsed_there(lab: Lab, words: tuple[str, ...]) -> None:
    lab.fab(*words, timeout=600)
    assert lab.fab("plan").out == "plan: nothing to do\n"


# What is typed on a host, what runs on this machine, and what follows a mirror.
@pytest.mark.parametrize("name", ["ch3-partitions", "ch5-transactions", "ch6-exactly-once",
                                  "ch12-mirror"])
def test_an_exercise_is_solved_there(lab: Lab, name: str) -> None:
    lab.fab("exercise.start", name)
    lab.fab("exercise.solve", name, timeout=600)
    assert lab.fab("exercise.check", name, "--json").json["solved"]
    lab.fab("exercise.reset", name)


@pytest.mark.parametrize("keeper", list(KEEPERS))
def test_a_move_that_is_killed_again_and_again_loses_nothing(
    make_lab: MakeLab, keeper: str
) -> None:
    """Mirrors go on meanwhile, and so does somebody who writes."""
    lab = made(make_lab, "closing", keeper, first=234, port_base=17000)
    with writing(plain(lab)) as load:
        lab.sections["security"] = {**CLOSED, "listeners": ["plaintext", "mtls"]}
        lab.write()
        killed_on_the_way(lab)
        load.turn(known(lab))
        lab.sections["security"] = CLOSED
        lab.write()
        lab.kill_when(r"dc1-kafka\d+: restart kafka -> 0", "up")
        lab.fab("up")
    in_order(lab)
    seen = read(known(lab), load.sent)
    assert len(seen) == load.sent, "nothing is lost, and nothing came twice"
    assert lab.fab("mirror.status", "--json").json["healthy"]
