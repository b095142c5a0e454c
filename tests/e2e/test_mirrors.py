"""Mirrors on a real lab: two datacenters that mirror each other, and a hub that both feed.

The mirrors into the hub are of the other kinds: one keeps the names, one takes only some topics and
copies without transactions.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka.admin import ResourceType

from lab.mirrors.topics import CANARY, HEARTBEATS, predicted
from lab.topology import Host
from scripts.drivers.workers import MARK
from tests.e2e.clients import Client, connect
from tests.e2e.conftest import FAILED, MakeLab
from tests.e2e.lab_under_test import Lab, Run, until

pytestmark = pytest.mark.host
BEFALLS = pytest.mark.full("faults", sample=2, of="what may befall a mirror")

NAMES = ("dc1", "dc2", "dc3")
LINKS = (("dc1", "dc2"), ("dc1", "dc3"), ("dc2", "dc3"))
MIRRORS: tuple[dict[str, object], ...] = (
    {"from": "dc1", "to": "dc2"},
    {"from": "dc2", "to": "dc1"},
    {"from": "dc1", "to": "dc3", "policy": "identity", "exclude": [r"dc2\..*"]},
    {"from": "dc2", "to": "dc3", "topics": ["bills", "marker"], "exclude": ["kafkalab-.*"],
     "groups": ["nobody"], "exactly_once": False},
)
# Whose business they are tells the name: Kafka's, Connect's, MirrorMaker's.
INTERNAL = re.compile(r"__.*|connect-.*|mm2-.*\.internal|.*\.checkpoints\.internal")
SOURCE = "dc1-to-dc2.source"
CUT = "inet e2e_cut"


@pytest.fixture(scope="module")
def brought_up(make_lasting: MakeLab) -> tuple[Lab, Run]:
    """The lab with the run that made it; its brokers make no topic that is only asked for.

    Its mirrors look for what is new more often than others: tests wait for that again and again.
    """
    lab = make_lasting(
        "mirrors", first=32, port_base=18000, links=LINKS, mirrors=MIRRORS,
        datacenters=[{"control": 1, "zookeeper": 1, "kafka": 1}] * len(NAMES),
        settings={"auto.create.topics.enable": "false"},
        sections={"kafka": {"heap_mb": 128}, "zookeeper": {"heap_mb": 32},
                  "connect": {"heap_mb": 160},
                  "mirroring": {"refresh_s": 1, "configs_s": 2, "stall_s": 8}},
    )
    return lab, lab.fab("up", "verify")


@pytest.fixture
def lab(request: pytest.FixtureRequest, brought_up: tuple[Lab, Run]) -> Iterator[Lab]:
    """The lab in order. A test that fails leaves it so for the next one, too."""
    lab, _ = brought_up
    yield lab
    if request.node.stash.get(FAILED, False):
        lab.mirrors = MIRRORS
        lab.write()
        lab.fab("up")


def client(lab: Lab, datacenter: str) -> Client:
    return Client(lab.bootstrap(datacenter))


def worker(lab: Lab, datacenter: str = "dc2") -> Host:
    return lab.of("control", datacenter)[0]


def states(lab: Lab, name: str = SOURCE) -> set[str]:
    """The states of a connector and its tasks in dc2."""
    found = connect(worker(lab), "GET", f"/connectors/{name}/status")
    return {part["state"] for part in (found["connector"], *found["tasks"])}


def test_up_sets_up_every_mirror_and_verify_proves_each(brought_up: tuple[Lab, Run]) -> None:
    _, run = brought_up
    assert "12 connectors set up" in run.out
    assert "verified dc1, dc2, dc3, dc1-to-dc2, dc2-to-dc1, dc1-to-dc3, dc2-to-dc3 in" in run.out
    for name, copy in (
        ("dc1-to-dc2", f"dc1.{CANARY}"), ("dc2-to-dc1", f"dc2.{CANARY}"), ("dc1-to-dc3", CANARY),
        ("dc2-to-dc3", f"dc2.{CANARY}"),
    ):
        assert re.search(rf"{name} +mirrors +connectors +ok +3 connectors, ", run.out), run
        assert re.search(
            rf"{name} +mirrors +records and offsets +ok +20 records in {copy}, \d+ ms median, .* "
            r"at most; offset \d+ became \d+, \d+ records? early", run.out,
        ), run


def test_a_second_run_has_nothing_to_do(lab: Lab) -> None:
    before = lab.main_pid(worker(lab), "connect")
    for task in ("up", "mirror", "connect"):
        run = lab.fab(task)
        assert re.fullmatch(r"\d hosts? in order, nothing to do, [\d.]+ s\n", run.out), run
    assert lab.fab("plan").out == "plan: nothing to do\n"
    assert lab.main_pid(worker(lab), "connect") == before


def test_every_topic_is_where_it_was_predicted_and_nowhere_else(lab: Lab) -> None:
    """And holds every record once, also where it was written, when each has come through."""
    own = {
        "dc1": ["orders", "dc2.named-so-by-hand"], "dc2": ["bills", "secret"], "dc3": ["own"],
    }
    clients = {name: client(lab, name) for name in NAMES}
    ways = predicted(lab.topology.config.mirrors, {
        name: [*topics, "marker", *([HEARTBEATS, CANARY] if name != "dc3" else [])]
        for name, topics in own.items()
    })

    def found() -> dict[str, set[str]]:
        return {
            name: {topic for topic in one.topics() if not INTERNAL.fullmatch(topic)}
            for name, one in clients.items()
        }

    for name, topics in own.items():
        for topic in topics:
            clients[name].make(topic)
            clients[name].write(topic, [f"{name}-{topic}-{n}" for n in range(100)])
    wanted = {
        name: {topic for topic, way in found.items() if not topic.endswith("marker")}
        for name, found in ways.items()
    }
    until(lambda: all(wanted[name] <= topics for name, topics in found().items()),
          "every topic has crossed")
    # Whoever has seen this one has looked at all topics again since those came about.
    for name in NAMES:
        clients[name].make("marker")
    until(lambda: all(ways[name].keys() <= topics for name, topics in found().items()),
          "the marker has crossed")
    assert found() == {name: set(topics) for name, topics in ways.items()}
    for name, topics in own.items():
        for topic in topics:
            clients[name].write(topic, ["last"])
    for name, copies in ways.items():
        for copy, way in copies.items():
            written = [t for t in own[way[0]] if copy in (t, ".".join((*way[-2::-1], t)))]
            for topic in written:
                values = [f"{way[0]}-{topic}-{n}" for n in range(100)]
                assert clients[name].read(copy, {0: "last"}) == {0: [*values, "last"]}, copy


def test_partitions_and_settings_follow(lab: Lab) -> None:
    source, target = client(lab, "dc1"), client(lab, "dc2")
    source.make("grows", retention_ms="3600000")
    until(lambda: target.topics().get("dc1.grows") == 1, "dc1.grows is there")
    assert target.setting("dc1.grows", "retention.ms") == "3600000"
    source.grow("grows", 3)
    source.change(ResourceType.TOPIC, "grows", "retention.ms", "7200000")
    until(lambda: target.topics()["dc1.grows"] == 3, "three partitions")
    until(lambda: target.setting("dc1.grows", "retention.ms") == "7200000", "the new setting")
    source.write("grows", ["in the new one"], partition=2)
    assert target.read("dc1.grows", {2: "in the new one"}) == {2: ["in the new one"]}


def seen(lab: Lab, name: str, topic: str, expect: int | None = None) -> tuple[Any, Any]:
    """What `fab mirror.status --json` says of a mirror, and of partition 0 of one of its topics."""
    mirrors = lab.fab("mirror.status", "--json", expect=expect).json["mirrors"]
    (mirror,) = [one for one in mirrors if one["name"] == name]
    rows = [one for one in mirror["partitions"] if one["topic"] == topic and not one["partition"]]
    return mirror, rows[0] if rows else None


@BEFALLS
def test_what_transactions_leave_behind_the_last_record_is_no_lag(lab: Lab) -> None:
    source, target = client(lab, "dc1"), client(lab, "dc2")
    source.make("sold")
    source.write_in_transaction("sold", ["one", "two"])
    source.write_in_transaction("sold", ["never"], commit=False)
    assert target.read("dc1.sold", {0: "two"}) == {0: ["one", "two"]}
    _, row = until(lambda: (found := seen(lab, "dc1-to-dc2", "sold"))[1]["mirrored"] == 2 and found,
                   "the mirror says so")
    assert (row["source_end"], row["lag_records"], row["lag_seconds"]) == (5, 0, 0.0)


@BEFALLS
def test_topics_that_wait_or_never_cross_are_told(lab: Lab) -> None:
    """Nothing goes from dc2 to dc1 meanwhile; the long one would let the whole task fail."""
    source, host, long = client(lab, "dc2"), worker(lab, "dc1"), "x" * 247
    connect(host, "PUT", "/connectors/dc2-to-dc1.source/pause")
    try:
        for topic in ("waits", "own.internal", long):
            source.make(topic)
            source.write(topic, ["one", "two"])
        mirror, row = seen(lab, "dc2-to-dc1", "waits", expect=1)
        assert (row["source_end"], row["mirrored"], row["lag_records"]) == (2, 0, 2)
        assert row["lag_seconds"] > 0
        assert "waits has no copy in dc1 yet" in mirror["notes"]
        assert any(one.startswith("own.internal is not mirrored: ") for one in mirror["notes"])
        assert len(mirror["faults"]) == 1 and mirror["faults"][0].startswith(f"{long} is not ")
    finally:
        connect(host, "PUT", "/connectors/dc2-to-dc1.source/resume")
    target = client(lab, "dc1")
    until(lambda: "dc2.waits" in target.topics(), "dc2.waits is there")
    assert target.read("dc2.waits", {0: "two"}) == {0: ["one", "two"]}
    try:
        failed = [line for line in lab.fab("verify", expect=1).lines
                  if line.startswith("failed:")]
        assert len(failed) == 1, failed
        assert failed[0].startswith(f"failed: dc2-to-dc1: copies: {long} is not")
    finally:
        source.delete(long)
    assert seen(lab, "dc2-to-dc1", "waits", expect=0)[1]["lag_records"] == 0


@BEFALLS
def test_of_a_topic_that_is_made_anew_every_record_arrives(lab: Lab) -> None:
    source, target, host = client(lab, "dc2"), client(lab, "dc1"), worker(lab, "dc1")
    old = [f"old-{n}" for n in range(100)]
    source.make("anew")
    source.write("anew", old)
    target.read("dc2.anew", {0: old[-1]})
    until(lambda: seen(lab, "dc2-to-dc1", "anew")[1]["mirrored"] == 100, "the mirror says so")
    source.delete("anew")
    mirror, row = seen(lab, "dc2-to-dc1", "anew", expect=0)
    assert row is None and "anew is gone from dc2; its copy dc2.anew stays" in mirror["notes"]
    source.make("anew")
    mirror, row = seen(lab, "dc2-to-dc1", "anew", expect=0)
    assert (row["source_end"], row["mirrored"], row["mirrored_before"]) == (0, 0, 100)
    assert any(one.startswith("anew-0 was made anew in dc2") for one in mirror["notes"])
    fewer = [f"fewer-{n}" for n in range(36)]
    source.write("anew", fewer)
    assert target.read("dc2.anew", {0: fewer[-1]}) == {0: [*old, *fewer]}
    until(lambda: seen(lab, "dc2-to-dc1", "anew")[1]["mirrored"] == 36, "the mirror says so")

    # As many as before or more, and the mirror looks only then: it goes on behind them.
    connect(host, "PUT", "/connectors/dc2-to-dc1.source/pause")
    source.delete("anew")
    source.make("anew")
    more = source.write("anew", [f"more-{n}" for n in range(50)])
    connect(host, "PUT", "/connectors/dc2-to-dc1.source/resume")
    target.read("dc2.anew", {0: more[-1]})
    until(lambda: seen(lab, "dc2-to-dc1", "anew")[1]["mirrored"] == 50, "the mirror says so")
    mirror, _ = seen(lab, "dc2-to-dc1", "anew", expect=1)
    assert [one[:25] for one in mirror["faults"]] == ["dc2.anew lacks records of "[:25]]
    assert lab.fab("plan", expect=2).out.splitlines()[:-1] == [
        "~ connector dc2-to-dc1.source: mirror anew-0 from its beginning, its copy lacks records",
    ]
    assert "1 connector set up, repaired or removed" in lab.fab("mirror").out
    until(lambda: seen(lab, "dc2-to-dc1", "anew")[1]["mirrored"] == 50, "the mirror says so")
    found = target.read("dc2.anew", {0: "more-0"})[0]
    assert found == [*old, *fewer, *more[36:], *more]
    assert lab.fab("plan").out == "plan: nothing to do\n"
    assert not seen(lab, "dc2-to-dc1", "anew", expect=0)[0]["faults"]


@BEFALLS
def test_what_the_sources_topic_accepts_crosses(lab: Lab) -> None:
    """However large it is, and also where the copy learns too late that it may be so large."""
    source, target = client(lab, "dc1"), client(lab, "dc2")
    source.make("big", max_message_bytes="6000000")
    source.make("grown")
    large = source.write("big", ["x" * 3_000_000], message_max_bytes=6_000_000)
    source.write("grown", ["small"])
    assert target.read("dc1.big", {0: large[0]}) == {0: large}
    target.read("dc1.grown", {0: "small"})
    # What the mirror itself does to the copy every other second comes after the record.
    target.change(ResourceType.TOPIC, "dc1.grown", "max.message.bytes", "20000")
    grown = source.write("grown", ["x" * 50_000])
    until(lambda: "FAILED" in states(lab), "the task fails")
    assert "1 connector set up, repaired or removed" in lab.fab("mirror").out
    assert target.read("dc1.grown", {0: grown[0]}) == {0: ["small", *grown]}


@BEFALLS
def test_a_topic_whose_record_the_target_refuses_is_held_back_and_the_others_go_on(
    lab: Lab
) -> None:
    source, target = client(lab, "dc1"), client(lab, "dc2")
    for topic in ("large", "beside"):
        source.make(topic)
        source.write(topic, ["small"])
        target.read(f"dc1.{topic}", {0: "small"})
    lower(target, "dc1.large")
    try:
        large, = source.write("large", ["x" * 50_000])
        until(lambda: "FAILED" in states(lab), "the task fails")
        # The mirror into dc3 takes the new topic, too, and is handed out anew for a moment.
        found = until(lambda: alone_unhealthy(lab), "only one mirror is unhealthy", pause=0.5)
        assert found["name"] == "dc1-to-dc2"
        why = "large-0 at offset 1 has 50,072 bytes, and a broker of dc2 takes 20,000"
        assert re.match(rf"{SOURCE}: a task is FAILED: .*RecordTooLarge.*; {why}; run `fab mirror`",
                        found["problem"]), found["problem"]
        shown = lab.fab("connect.status", expect=1).out
        assert re.search(
            rf"{SOURCE} +source +running +.*failed.* {SOURCE}: a task is FAILED", shown
        ), shown
        plan = lab.fab("plan", expect=1)
        assert f"~ connector {SOURCE}: hold topic large back ({why})\n" in plan.out, plan
        run = lab.fab("mirror", expect=1)
        told = f"dc1-to-dc2 holds topic large back: {why}; raise message.max.bytes in dc2, or "
        assert run.lines[0].startswith(f"error: dc2: {told}"), run
        source.write("beside", ["more"])
        target.read("dc1.beside", {0: "more"})
        plan = lab.fab("plan", expect=1)
        assert plan.out == "plan: nothing to do\n" and told in plan.err, plan
        verify = lab.fab("verify", expect=1)
        failed = [line for line in verify.lines if line.startswith("failed:")]
        assert len(failed) == 1 and failed[0].startswith(
            f"failed: dc1-to-dc2: topics: topic large is held back: {why}"
        ), verify
    finally:
        target.change(ResourceType.BROKER, "1", "message.max.bytes", None)
    plan = lab.fab("plan", expect=2).out
    assert f"~ connector {SOURCE}: hold topic large back no more\n" in plan
    assert "1 connector set up, repaired or removed" in lab.fab("mirror").out
    source.write("large", ["last"])
    assert target.read("dc1.large", {0: "last"}) == {0: ["small", large, "last"]}
    assert lab.fab("plan").out == "plan: nothing to do\n"


@BEFALLS
def test_a_mirror_that_runs_and_gets_nowhere_is_told_and_mended(lab: Lab) -> None:
    """A producer splits batches that are refused, and may send the same ones for ever: where a tiny
    record follows one that is refused, and where a topic takes less than a whole batch.

    What an open transaction of the source holds back is no fault of the mirror's.
    """
    source, target = client(lab, "dc1"), client(lab, "dc2")
    source.make("mixed")
    source.make("undecided")
    source.make("narrow", max_message_bytes="2000")
    source.write("mixed", ["small"])
    source.write("narrow", ["small"])
    for topic in ("mixed", "narrow"):
        target.read(f"dc1.{topic}", {0: "small"})
    lower(target, "dc1.mixed")
    values, many = ["small"], [f"{number}-{'x' * 100}" for number in range(400)]
    try:
        with source.writing("mixed") as send:
            values += [send(one) for _ in range(5) for one in ("x" * 50_000, "tiny!")]
        source.write("narrow", many, batch_num_messages=1)
        with source.undecided("undecided", "a record"):
            # The mirror into dc3 keeps the names, and meets the narrow topic, too.
            found = until(lambda: not (one := mirror_of(lab))["healthy"] and one,
                          "the mirror counts as stuck")
            assert found["problem"].startswith("nothing moves at "), found
            assert "splitting and retrying" in found["problem"], found
            assert "mixed-0 at offset 1 has 50,072 bytes" in found["problem"], found
            held_up = "undecided-0: a transaction of dc1 that began at offset 0, "
            assert any(note.startswith(held_up) for note in found["notes"]), found
            run = lab.fab("mirror", expect=1)
            assert "dc1-to-dc2 holds topic mixed back: mixed-0 at offset 1 has " in run.err, run
        assert target.read("dc1.narrow", {0: many[-1]}) == {0: ["small", *many]}
    finally:
        target.change(ResourceType.BROKER, "1", "message.max.bytes", None)
    lab.fab("mirror")
    source.write("mixed", ["last"])
    assert target.read("dc1.mixed", {0: "last"}) == {0: [*values, "last"]}
    assert lab.fab("plan").out == "plan: nothing to do\n"


def lower(target: Client, topic: str) -> None:
    """Let the cluster take no records of more than 20 kB."""
    target.change(ResourceType.BROKER, "1", "message.max.bytes", "20000")
    until(lambda: target.setting(topic, "max.message.bytes") == "20000", "the limit is in force")


def mirror_of(lab: Lab, name: str = "dc1-to-dc2") -> Any:
    """What `fab mirror.status --json` says of a mirror, whatever others do."""
    mirrors = lab.fab("mirror.status", "--json", expect=None).json["mirrors"]
    (found,) = [one for one in mirrors if one["name"] == name]
    return found


def alone_unhealthy(lab: Lab) -> Any:
    """The mirror that is not healthy; None while there is another one."""
    mirrors = lab.fab("mirror.status", "--json", expect=None).json["mirrors"]
    found = [one for one in mirrors if not one["healthy"]]
    return found[0] if len(found) == 1 else None


@BEFALLS
def test_a_worker_that_is_killed_loses_nothing_and_repeats_nothing(lab: Lab) -> None:
    source, target, host = client(lab, "dc1"), client(lab, "dc2"), worker(lab)
    source.make("steady", 2)
    source.write("steady", ["first"], 0)
    sent: dict[int, list[str]] = {0: ["first"], 1: []}
    target.read("dc1.steady", {0: "first"})
    enough = threading.Event()

    def write() -> None:
        with source.writing("steady") as send:
            while not enough.wait(0.005):
                for part, values in sent.items():
                    values.append(send(f"{part}-{len(values)}", part))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        until(lambda: len(sent[1]) > 100, "records are written")
        target.read("dc1.steady", {1: sent[1][10]}, to_end=False)
        before = lab.main_pid(host, "connect")
        lab.inside(host, f"kill -9 {before}")
        until(lambda: lab.main_pid(host, "connect") not in (0, before), "a new process")
        written = len(sent[1])
        target.read("dc1.steady", {1: sent[1][written - 1]}, to_end=False)
    finally:
        enough.set()
        writer.join()
    for part in sent:
        sent[part] += source.write("steady", ["last"], part)
    assert target.read("dc1.steady", {0: "last", 1: "last"}) == sent
    assert lab.fab("mirror.status", "--json").json["healthy"]


def lag(lab: Lab, topic: str) -> tuple[int, float]:
    """Records and seconds that dc2 is behind dc1, as `fab mirror.status` says, whatever other
    mirrors do."""
    mirrors: list[dict[str, Any]] = lab.fab("mirror.status", "--json", expect=None).json["mirrors"]
    (mirror,) = [one for one in mirrors if one["name"] == "dc1-to-dc2"]
    (part,) = [one for one in mirror["partitions"] if one["topic"] == topic]
    assert mirror["lag_records"] >= part["lag_records"]
    assert part["lag_records"] in (0, part["source_end"] - part["mirrored"])
    return part["lag_records"], part["lag_seconds"]


@BEFALLS
def test_a_link_that_is_cut_shows_as_lag_until_it_is_healed(lab: Lab) -> None:
    source, target, host = client(lab, "dc1"), client(lab, "dc2"), worker(lab)
    source.make("far")
    values = source.write("far", [f"before-{n}" for n in range(10)])
    target.read("dc1.far", {0: values[-1]})
    until(lambda: lag(lab, "far") == (0, 0.0), "no lag")
    broker = lab.of("kafka")[0].address
    lab.inside(host, (
        f"set -e; nft add table {CUT}; for way in input output; do "
        f"nft add chain {CUT} $way \"{{ type filter hook $way priority -200; }}\"; done; "
        f"nft add rule {CUT} input ip saddr {broker} drop; "
        f"nft add rule {CUT} output ip daddr {broker} drop"
    ))
    try:
        values += source.write("far", [f"while-{n}" for n in range(300)])
        records, seconds = lag(lab, "far")
        assert records == 300
        until(lambda: lag(lab, "far")[1] > seconds, "what waits grows older")
        assert lag(lab, "far")[0] == 300
        found = until(lambda: alone_unhealthy(lab), "the mirror counts as stuck")
        told = found["problem"]
        assert re.match(r"nothing moves at \S+-0, offset \d+.*, for 8 s now", told), told
    finally:
        lab.inside(host, f"nft delete table {CUT}")
    values += source.write("far", ["after"])
    assert target.read("dc1.far", {0: "after"}) == {0: values}
    until(lambda: lag(lab, "far") == (0, 0.0), "no lag")


@BEFALLS
def test_a_hand_on_the_connectors_is_shown_and_undone(lab: Lab) -> None:
    """But for a connector that bears no mark of the lab: it is somebody's own, and stays."""
    host = worker(lab)
    before = connect(host, "GET", "/connectors?expand=info")
    checkpoint = before["dc1-to-dc2.checkpoint"]["info"]["config"]
    connect(host, "PUT", "/connectors/dc1-to-dc2.checkpoint/config", {**checkpoint, "groups": "x"})
    heartbeat = before["dc1-to-dc2.heartbeat"]["info"]["config"]
    ours, mine = {**heartbeat, "name": "left"}, {**heartbeat, "name": "mine"}
    del mine[MARK]
    connect(host, "PUT", "/connectors/left/config", ours)
    connect(host, "PUT", "/connectors/mine/config", mine)
    connect(host, "PUT", f"/connectors/{SOURCE}/pause")
    until(lambda: states(lab) == {"PAUSED"}, "it is paused")
    assert "dc1-to-dc2.source is PAUSED" in lab.fab("mirror.status", expect=1).out
    plan = lab.fab("plan", expect=2).out.splitlines()
    assert plan == [
        f"~ connector dc1-to-dc2.checkpoint: groups: x -> {checkpoint['groups']}",
        "- connector left",
        f"~ connector {SOURCE}: resume, it is PAUSED",
        "plan: 0 hosts to create, 0 to change, 0 restarts, 3 changes in the clusters",
    ]
    assert "3 connectors set up, repaired or removed" in lab.fab("mirror").out
    after = connect(host, "GET", "/connectors?expand=info")
    assert {name: one["info"]["config"] for name, one in after.items()} == {
        "mine": mine, **{name: one["info"]["config"] for name, one in before.items()},
    }
    connect(host, "DELETE", "/connectors/mine")
    assert states(lab) == {"RUNNING"}
    assert lab.fab("plan").out == "plan: nothing to do\n"


def state_of_mine(host: Host) -> str:
    """What a connector called `mine` does; "" while the worker does not know."""
    known = connect(host, "GET", "/connectors?expand=status").get("mine")
    return str(known["status"]["connector"]["state"]) if known else ""


@BEFALLS
def test_workers_whose_connectors_topic_was_deleted_keep_everybodys(lab: Lab) -> None:
    """While they run they remember them; what a broker made in its place serves nobody."""
    host, target, configs = worker(lab), client(lab, "dc2"), "connect-dc2-configs"
    heartbeat = connect(host, "GET", "/connectors/dc1-to-dc2.heartbeat")["config"]
    mine = {**heartbeat, "name": "mine"}
    del mine[MARK]
    connect(host, "PUT", "/connectors/mine/config", mine)
    until(lambda: state_of_mine(host) == "RUNNING", "it runs")
    connect(host, "PUT", "/connectors/mine/pause")
    until(lambda: state_of_mine(host) == "PAUSED", "it is paused")
    before = connect(host, "GET", "/connectors?expand=info")
    target.delete(configs)
    missing = f"internal topic {configs} of dc2 is missing"
    assert f"problem: dc2: {missing}" in lab.fab("status", "--datacenter", "dc2", expect=1).out
    target.make(configs, 3)
    plan = lab.fab("plan", expect=2).out.splitlines()
    assert plan == [
        f"~ internal topic {configs} of dc2: partitions: 3 -> 1, made anew",
        "~ workers of dc2: all stop, and start again with these topics",
        "plan: 0 hosts to create, 0 to change, 0 restarts, 2 changes in the clusters",
    ]
    assert "1 internal topic set up, repaired or removed" in lab.fab("connect").out
    assert target.setting(configs, "cleanup.policy") == "compact"
    assert target.topics()[configs] == 1
    assert connect(host, "GET", "/connectors?expand=info").keys() == before.keys()
    until(lambda: state_of_mine(host) == "PAUSED", "it is as it was")
    connect(host, "DELETE", "/connectors/mine")
    assert lab.fab("plan").out == "plan: nothing to do\n"


@BEFALLS
def test_workers_that_end_because_of_their_topics_are_told_why_and_start_again(lab: Lab) -> None:
    """All of them were deleted, brokers made them anew, and then the worker was restarted."""
    host, source, target = worker(lab, "dc1"), client(lab, "dc2"), client(lab, "dc1")
    theirs = [f"connect-dc1-{what}" for what in ("configs", "offsets", "status")]
    lab.inside(host, "systemctl stop connect")
    target.delete(*theirs, "dc2.checkpoints.internal")
    source.delete("mm2-offset-syncs.dc1.internal")
    for name in theirs:
        target.make(name, 3)
    lab.inside(host, "systemctl start connect")
    until(lambda: "required to have 'cleanup.policy=compact'" in lab.inside(
        host, "journalctl -b -u connect --no-pager --since -60s"), "the worker ends")
    status = lab.fab("status", "--json", expect=1).json
    wrong = status["datacenters"][0]["connect"]["internal_topics"]
    assert [text.partition(" of ")[0] for text in wrong] == [
        f"internal topic {name}" for name in (*theirs, "dc2.checkpoints.internal",
                                              "mm2-offset-syncs.dc1.internal")
    ]
    plan = lab.fab("plan", expect=2).out
    assert f"~ internal topic {theirs[1]} of dc1: cleanup.policy: delete -> compact\n" in plan
    assert "+ internal topic mm2-offset-syncs.dc1.internal of dc2 (1 partition" in plan
    assert "5 internal topics set up, repaired or removed" in lab.fab("up").out
    for name in theirs:
        assert target.setting(name, "cleanup.policy") == "compact", name
    assert lab.fab("plan").out == "plan: nothing to do\n"
    source.make("after-all")
    source.write("after-all", ["a record"])
    until(lambda: "dc2.after-all" in target.topics(), "dc2.after-all is there")
    assert target.read("dc2.after-all", {0: "a record"}) == {0: ["a record"]}


@BEFALLS
def test_a_mirror_that_leaves_the_lab_file_stops(lab: Lab) -> None:
    """Of dc1 it was the only one: its workers have nothing to do any more."""
    host, source, target = worker(lab, "dc1"), client(lab, "dc2"), client(lab, "dc1")
    lab.mirrors = MIRRORS[:1] + MIRRORS[2:3]
    lab.write()
    plan = lab.fab("plan", expect=2).out
    assert f"~ host {host.name}\n    stop connect.service\n" in plan
    assert [line for line in plan.splitlines() if "connector" in line] == [
        f"- connector dc2-to-dc3.{kind}" for kind in ("checkpoint", "heartbeat", "source")
    ]
    assert "3 connectors" in lab.fab("mirror").out
    assert lab.main_pid(host, "connect") == 0
    assert lab.fab("plan").out == "plan: nothing to do\n"
    source.make("late")
    source.write("late", ["written meanwhile"])
    lab.mirrors = MIRRORS
    lab.write()
    lab.fab("mirror")
    assert lab.main_pid(host, "connect") != 0
    until(lambda: "dc2.late" in target.topics(), "dc2.late is there")
    assert target.read("dc2.late", {0: "written meanwhile"}) == {0: ["written meanwhile"]}
    assert lab.fab("plan").out == "plan: nothing to do\n"


PARTITIONS, EACH, READ = 6, 1000, 500
MOVER = "mover"


def bad_groups(lab: Lab) -> list[dict[str, Any]]:
    """What `fab mirror.status --json` says of groups in dc2, whatever other mirrors do."""
    mirrors = lab.fab("mirror.status", "--json", expect=None).json["mirrors"]
    (mirror,) = [one for one in mirrors if one["name"] == "dc1-to-dc2"]
    found: list[dict[str, Any]] = mirror["groups"]
    assert mirror["healthy"] is not any(one["skipped"] for one in found)
    return found


def burst(lab: Lab, topic: str) -> dict[int, list[str]]:
    """Records of all partitions at once, all copied to dc2; a group has read half of each."""
    source, target = client(lab, "dc1"), client(lab, "dc2")
    source.make(topic, PARTITIONS)
    until(lambda: target.topics().get(f"dc1.{topic}") == PARTITIONS, f"dc1.{topic} is there")
    values = {part: [f"{part}-{n}" for n in range(EACH)] for part in range(PARTITIONS)}
    with source.writing(topic) as send:
        for n in range(EACH):
            for part in range(PARTITIONS):
                send(values[part][n], part)
    assert target.read(f"dc1.{topic}", {part: all_[-1] for part, all_ in values.items()}) == values
    source.commit(MOVER, topic, dict.fromkeys(range(PARTITIONS), READ))
    return values


@BEFALLS
def test_a_group_that_mirrormaker_does_not_translate_is_told_and_skips_nothing(lab: Lab) -> None:
    """Much comes at once and nothing after it, so MirrorMaker notes few offsets, and no more."""
    target = client(lab, "dc2")
    for number in range(15):  # it holds notes back while ten are on their way: chance, by load
        topic = f"burst-{number}"
        values = burst(lab, topic)
        found = [one for one in bad_groups(lab) if one["topic"] == topic]
        without = [one for one in found if one["translated"] is None]
        if without:
            break
    assert without, found
    assert {one["group"] for one in found} == {MOVER}
    assert all(EACH - READ <= one["skipped"] < EACH - READ + 20 for one in without)
    text = lab.fab("mirror.status", expect=1).out
    assert f"dc1-to-dc2: group {MOVER}: no offset in dc2 for {topic}-" in text
    assert "dc1-to-dc2: run `fab mirror.offsets --mirror dc1-to-dc2`\n" in text
    failed = [line for line in lab.fab("verify", expect=1).lines if line.startswith("failed:")]
    assert any(line.startswith("failed: dc1-to-dc2: groups: group mover: ") for line in failed)

    refused = lab.fab("mirror.offsets", "--mirror", "dc1-to-dc2", expect=2)
    assert "say so with --yes" in refused.err
    copy = f"dc1.{topic}"
    assert len(target.committed(MOVER, copy, PARTITIONS)) == PARTITIONS - len(without)
    reader = target.member(MOVER, copy)
    try:
        busy = lab.fab("mirror.offsets", "--mirror", "dc1-to-dc2", "--yes", expect=1)
        assert "has members in" in busy.out and "nothing to commit" in busy.out, busy
    finally:
        reader.close()
    # The mirror into dc3 copied the same burst, and keeps the names.
    for name, there, remote in (("dc1-to-dc2", target, copy),
                                ("dc1-to-dc3", client(lab, "dc3"), topic)):
        lab.fab("mirror.offsets", "--mirror", name, "--group", MOVER, "--yes")
        held = there.committed(MOVER, remote, PARTITIONS)
        read = there.read(remote, {part: all_[-1] for part, all_ in values.items()}, start=held)
        assert read == {part: all_[READ:] for part, all_ in values.items()}, held
    held = target.committed(MOVER, copy, PARTITIONS)
    again = lab.fab("mirror.offsets", "--mirror", "dc1-to-dc2", "--group", MOVER)
    assert "nothing to commit" in again.out
    lab.fab("verify")
    assert bad_groups(lab) == []
    assert target.committed(MOVER, copy, PARTITIONS) == held, "MirrorMaker let it be"


@BEFALLS
def test_a_copy_has_the_headers_of_its_record(lab: Lab) -> None:
    source, target = client(lab, "dc1"), client(lab, "dc2")
    source.make("headed")
    headers = [("plain", b"text"), ("bytes", bytes(range(256))), ("empty", b""), ("none", None)]
    source.write_with("headed", "a record", headers)
    assert target.headers("dc1.headed") == headers


def test_a_datacenter_goes_with_its_mirrors_and_the_others_go_on(lab: Lab) -> None:
    """The last test here: the hub is taken out of the file, with what leads there."""
    gone = lab.topology.datacenter("dc3").hosts
    whole = lab.datacenters, lab.links, lab.mirrors
    lab.datacenters, lab.links, lab.mirrors = lab.datacenters[:2], LINKS[:1], MIRRORS[:2]
    lab.write()
    lab.datacenters, lab.links, lab.mirrors = whole  # as it is written again if this fails
    plan = lab.fab("plan", expect=2).out
    for host in gone:
        assert f"- host {host.name} ({host.role} of dc3) at {host.address}, " in plan
    before = {name: lab.main_pid(worker(lab, name), "connect") for name in ("dc1", "dc2")}
    run = lab.fab("up", "--yes")
    order = [run.out.index(f"removed host {host.name}\n") for host in gone]
    assert order == sorted(order)
    assert not any("-dc3-" in one for one in lab.leftovers())
    assert "verified dc1, dc2, dc1-to-dc2, dc2-to-dc1 in" in lab.fab("verify").out
    assert lab.fab("plan").out == "plan: nothing to do\n"
    assert {name: lab.main_pid(worker(lab, name), "connect") for name in before} == before
