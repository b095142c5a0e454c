"""Topics in HBase: rows are the last records of their keys, whatever is killed or sent again."""

from __future__ import annotations

import json
import random
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from lab import artifacts
from lab.services import hbase
from lab.services.registry import published
from lab.topology import Host
from scripts.platforms.local.engine import Engine
from scripts.platforms.local.image import Images
from scripts.software import maven
from scripts.software.obtain import obtain
from scripts.software.tar import normalise
from tests.e2e.clients import connect, send
from tests.e2e.conftest import FAILED, MakeLab
from tests.e2e.lab_under_test import Lab, until

pytestmark = [pytest.mark.host, pytest.mark.area("integrations")]

SINK = {"kind": "hbase", "at": "dc1", "topics": ["orders"]}
SMALL = {"kafka": {"heap_mb": 128}, "zookeeper": {"heap_mb": 32}, "connect": {"heap_mb": 192}}
IN_ORDER = "plan: nothing to do\n"
Records = list[tuple[str | None, str | None]]


def made(make: MakeLab, name: str, first: int, port_base: int, **place: Any) -> Lab:
    lab = make(
        name, first=first, port_base=port_base, sections=SMALL, tables={"sinks": [SINK]},
        datacenters=[{"control": 1, **place}], topics=[{"name": "orders", "partitions": 2}],
    )
    lab.fab("up")
    return lab


@pytest.fixture(scope="module")
def brought_up(make_lasting: MakeLab) -> Lab:
    return made(make_lasting, "hbase", 163, 13900, zookeeper=1, kafka=1)


@pytest.fixture
def lab(request: pytest.FixtureRequest, brought_up: Lab) -> Iterator[Lab]:
    """The lab in order. A test that fails leaves it so for the next one, too."""
    yield brought_up
    if request.node.stash.get(FAILED, False):
        brought_up.fab("up")


def keeper(lab: Lab) -> Host:
    """The host of HBase and of the worker."""
    return lab.of("control", "dc1")[0]


def viewer(lab: Lab, path: str) -> Any:
    """What HBase's viewer answers on its port of this machine."""
    ports = {port.number: number for port, number in published(keeper(lab), lab.topology).items()}
    address = f"http://127.0.0.1:{ports[hbase.REGION_PAGES]}/rows/{path}"
    with urllib.request.urlopen(address, timeout=30) as answer:
        return json.loads(answer.read())


def table(lab: Lab, topic: str) -> dict[str, dict[str, str]]:
    """Every row of a topic's table, as HBase says on its port of this machine."""
    rows = viewer(lab, f"{topic}?limit=10000")["rows"]
    return {row["row"]: {name.removeprefix("d:"): cell["value"]
                         for name, cell in row["cells"].items()} for row in rows}


def expected(records: Records) -> dict[str, dict[str, str]]:
    """What a table should have after these: strings are those of the records' fields."""
    found: dict[str, dict[str, str]] = {}
    for key, value in records:
        if key is None or value == "no JSON":
            continue
        if value is None:
            found.pop(key, None)
        else:
            found[key] = {
                name: one if isinstance(one, str) else json.dumps(one, separators=(",", ":"))
                for name, one in json.loads(value).items()
            }
    return found


def status(lab: Lab, topic: str, end: int) -> dict[str, Any]:
    """What `fab sink.status` says of a topic of so many records, once nothing waits."""
    def settled() -> Any:
        found = lab.fab("sink.status", "--json", expect=None).json
        return next((one for sink in found["sinks"] for one in sink["topics"]
                     if one["topic"] == topic and one["log_end"] == end
                     and not one["lag_records"]), None)

    found: dict[str, Any] = until(settled, f"the sink has read {topic}", 180, pause=0.5)
    return found


def replay(lab: Lab) -> None:
    """Let the sink read all of its topics again."""
    host, path = keeper(lab), "/connectors/sink-hbase"
    connect(host, "PUT", f"{path}/stop")
    until(lambda: connect(host, "GET", f"{path}/status")["connector"]["state"] == "STOPPED"
          and not connect(host, "GET", f"{path}/status")["tasks"], "it stands still")
    connect(host, "DELETE", f"{path}/offsets")
    connect(host, "PUT", f"{path}/resume")
    until(lambda: any(one["offset"]["kafka_offset"] for one in
                      connect(host, "GET", f"{path}/offsets")["offsets"]), "it reads again")


def test_a_row_is_the_last_record_of_its_key_whatever_is_killed_or_sent_again(lab: Lab) -> None:
    """What is no row is told with its reason; `fab verify` finds a record as a row."""
    records: Records = [(f"k{n % 50}", json.dumps({"n": n, "city": "서울", "p": {"x": n % 2}}))
                        for n in range(400)]
    records += [("k1", '{"n": 5}'), ("k2", None), ("k3", None), ("k3", '{"n": 6}')]
    send(lab.bootstrap("dc1"), "orders", records)
    assert status(lab, "orders", len(records))["missing"] == 0
    last = expected(records)
    assert table(lab, "orders") == {**last, "k1": {"n": "5"}}
    lab.kill(keeper(lab), hbase.REGION_SERVER)
    more: Records = [("k4", '{"n": 7}'), (None, '{"n": 8}'), ("bad", "no JSON"), ("k5", None)]
    send(lab.bootstrap("dc1"), "orders", more)
    found = status(lab, "orders", len(records) + len(more))
    assert (found["documents"], found["expected"], found["dead_letters"]) == (48, 48, 2)
    whole = table(lab, "orders")
    assert whole == expected(records + more)
    replay(lab)
    assert status(lab, "orders", len(records) + len(more)) == found
    assert table(lab, "orders") == whole
    assert "it has no key to name its row by" in lab.fab("sink.status").out
    shown = lab.fab("sink.rows", "orders", "--limit", "2", "--start", "k4", "--json").json
    rows = shown["hbase of dc1"]
    assert [row["row"] for row in rows] == ["k4", "k40"]
    assert rows[0]["cells"]["d:n"]["value"] == "7"
    state = viewer(lab, "orders?state=true")
    assert state["regions"] == 1 and state["written"] >= len(more)
    newest = max(cell["timestamp"] for row in viewer(lab, "orders?limit=99")["rows"]
                 for cell in row["cells"].values())
    late = viewer(lab, f"orders?since={newest}&column=d%3An")["rows"]
    assert late and all([*row["cells"]] == ["d:n"] and row["cells"]["d:n"]["timestamp"] == newest
                        for row in late)
    assert "one of dc1 was found in kafkalab-sink.hbase" in lab.fab("verify").out
    assert lab.fab("plan").out == IN_ORDER


@pytest.mark.full("integrations", sample=0)
def test_nothing_is_lost_whatever_of_it_is_killed(lab: Lab) -> None:
    """100,000 records with each part of HBase and the worker killed, ten malformed."""
    rng = random.Random(7)
    lab.topics = [*lab.topics, {"name": "many", "partitions": 3}]
    lab.tables = {"sinks": [{**SINK, "topics": ["orders", "many"]}]}
    lab.write()
    lab.fab("up")
    bad = set(rng.sample(range(100_000), 10))
    records: Records = [
        (f"k{n % 5000}", "no JSON" if n in bad else
         None if rng.random() < 0.01 else json.dumps({f"c{n % 3}": n}))
        for n in range(100_000)
    ]
    victims = (hbase.REGION_SERVER, "connect", hbase.MASTER, hbase.REGION_SERVER, "connect")
    for step, victim in enumerate(victims):
        send(lab.bootstrap("dc1"), "many", records[step * 18_000:(step + 1) * 18_000])
        lab.kill(keeper(lab), victim)
    send(lab.bootstrap("dc1"), "many", records[90_000:])
    found = until(lambda: whole(lab, 100_000), "all of it is there", 300, pause=2)
    assert (found["missing"], found["extra"], found["dead_letters"]) == (0, 0, 10)
    assert table(lab, "many") == expected(records)
    replay(lab)
    again = until(lambda: whole(lab, 100_000), "all of it was read again", 300, pause=2)
    assert again == found
    assert table(lab, "many") == expected(records)


def whole(lab: Lab, records: int) -> Any:
    found = status(lab, "many", records)
    return found if not found["missing"] and not found["extra"] else None


@pytest.mark.full("integrations", sample=0)
def test_a_drill_counts_its_rows(lab: Lab) -> None:
    """With the region server and the worker killed under load, and all of it read once more."""
    run = lab.fab("drill.sink", "--rate", "200", "--duration", "3", "--worker", "--replay")
    (path,) = (lab.state / "drills").glob("*.json")
    score = json.loads(path.read_text())["score"]
    assert score["becomes"] == "row"
    assert f"{score['documents']} of {score['expected']} rows" in run.out
    assert "kafkalab-drill" not in viewer(lab, "")["tables"]
    assert score["documents"] == score["expected"] > 0
    assert {score[name] for name in ("missing", "extra", "wrong", "letters_missing",
                                     "letters_extra", "replay_changed")} == {0}
    assert score["letters"] == score["malformed"] > 0


@pytest.mark.full("integrations", sample=0)
def test_where_the_cluster_has_no_zookeeper_hbase_has_its_own(make_lasting: MakeLab) -> None:
    """And comes up again with its rows when all of its processes were killed."""
    lab = made(make_lasting, "hbase-own", 164, 15700, metadata="kraft", version="4.1.1",
               combined=1, kafka=1)
    records: Records = [(f"k{n}", json.dumps({"n": n})) for n in range(100)]
    send(lab.bootstrap("dc1"), "orders", records)
    assert status(lab, "orders", 100)["documents"] == 100
    for service in (hbase.ZOOKEEPER, hbase.MASTER, hbase.REGION_SERVER):
        lab.kill(keeper(lab), service)
    send(lab.bootstrap("dc1"), "orders", [("k7", None)])
    assert status(lab, "orders", 101)["documents"] == 99
    assert table(lab, "orders") == expected([*records, ("k7", None)])
    lab.fab("verify")
    assert lab.fab("plan").out == IN_ORDER


@pytest.mark.full("integrations", sample=0)
def test_it_is_compiled_the_same_each_time(engine: Engine, tmp_path: Any) -> None:
    """Its own tests run with that, and hosts tell it by its digest."""
    home, images = artifacts.hbase(), Images(engine)
    tar, _ = maven.build(home, tmp_path, print, images.compile)
    digest = normalise(tar, tmp_path / "again.tar", home.folder)
    assert digest == obtain(home, compile=images.compile).sha256
