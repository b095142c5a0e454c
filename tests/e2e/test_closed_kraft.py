"""Metadata that moves from ZooKeeper to KRaft while nobody is let in without a certificate or a
password: passwords and rights go along, and no write fails."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import Lab
from tests.e2e.test_kraft import moves, stage
from tests.e2e.test_listeners import TOPIC, closed, read, writing
from tests.e2e.test_scram import APP, client, say

pytestmark = [pytest.mark.host, pytest.mark.area("security"),
              pytest.mark.full("security", sample=0)]


def in_order(lab: Lab) -> None:
    lab.fab("verify")
    assert "0 of them not as it should be" in lab.fab("security.check").out


@pytest.mark.parametrize("listeners", ["kerberos"])
def test_metadata_moves_there_and_back_and_for_good(make_lab: MakeLab, listeners: str) -> None:
    lab = make_lab(
        "closed-kraft", first=230, port_base=20400,
        datacenters=({"control": 1, "version": "3.9.2", "zookeeper": 1, "kafka": 2},),
        topics=({"name": TOPIC, "partitions": 4},),
        sections={"kafka": {"min_insync_replicas": 1}}, tables={"users": [APP]},
    )
    say(lab, listeners)
    lab.fab("up")
    moves(lab)
    settings = client(lab) if listeners == "kerberos" else closed(lab)
    with writing(settings) as load:
        lab.fab("kraft.migrate", "--until", "dual-write")
        lab.kill_when(r"dc1-kafka\d+: restart kafka -> 0", "kraft.migrate")
        lab.fab("kraft.back")
        assert stage(lab) == "zookeeper"
        in_order(lab)
        lab.fab("kraft.migrate")
        in_order(lab)
        lab.fab("kraft.finish", "--yes", lab.name)
        assert lab.fab("plan").out.endswith("plan: nothing to do\n")
    in_order(lab)
    seen = read(settings, load.sent)
    assert len(seen) == load.sent, "nothing is lost, and nothing came twice"
