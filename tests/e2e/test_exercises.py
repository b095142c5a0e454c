"""Exercises on a real lab: nothing done, solved, done wrong in each way, and back."""

from __future__ import annotations

import os
import random
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from docs.schemas import Check, List
from lab.topology import Host
from scripts.learning import library
from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import Lab, Run, killed_at_last, until

MIRRORED = [name for name in library.names()
            if library.load(name).exercise.mirror and not library.load(name).exercise.pipeline]
UPGRADES = [name for name in library.names() if library.load(name).exercise.begins]
TODAY = [name for name in library.names() if library.load(name).exercise.metadata == "kraft"]
CONNECTED = [name for name in library.names() if library.load(name).exercise.connect]
SCHEMAS = [name for name in library.names() if library.load(name).exercise.registry]
GUARDED = [name for name in library.names()
           if library.load(name).exercise.user or library.load(name).exercise.certificates]
PIPELINES = [name for name in library.names() if library.load(name).exercise.pipeline]
SEEN = [name for name in library.names() if library.load(name).exercise.monitoring]
ALONE = [name for name in library.names()
         if name not in (*MIRRORED, *TODAY, *UPGRADES, *CONNECTED, *SCHEMAS, *GUARDED, *SEEN,
                         *PIPELINES)]
pytestmark = [pytest.mark.host, pytest.mark.area("learning")]


def missing(run: Run) -> list[str]:
    """The ids of what does not hold, in order."""
    assert run.out, run
    Check.model_validate(run.json)  # what is published of it
    return [one["claim"] for one in run.json["claims"] if not one["held"]]


@pytest.fixture(scope="module")
def mirrored(make_lasting: MakeLab) -> Lab:
    """Two small datacenters, each with a mirror of the other's topics; the first has no control
    host."""
    lab = make_lasting(
        "lessons", first=96, port_base=22000, links=[("dc1", "dc2")],
        datacenters=({"control": 0, "zookeeper": 1, "kafka": 1, "connect": 1},
                     {"control": 1, "zookeeper": 1, "kafka": 1}),
        mirrors=[{"from": "dc1", "to": "dc2"}, {"from": "dc2", "to": "dc1"}],
        sections={"kafka": {"heap_mb": 160}, "zookeeper": {"heap_mb": 48}},
    )
    lab.fab("up")
    return lab


@pytest.fixture(scope="module")
def today(make_lasting: MakeLab) -> Lab:
    """One host that is broker and controller, of the newest Kafka."""
    lab = make_lasting("today", first=98, port_base=23600, datacenters=(
        {"control": 0, "version": "4.3.1", "metadata": "kraft", "combined": 1, "kafka": 1},))
    lab.fab("up")
    return lab


@pytest.mark.full("exercises", sample=3)
@pytest.mark.parametrize("name", ALONE)
def test_an_exercise_is_solved_done_wrong_and_brought_back(lab: Lab, name: str) -> None:
    solved_done_wrong_and_brought_back(lab, name)


@pytest.mark.full("exercises", sample=0)  # they take up to three minutes each
@pytest.mark.parametrize("name", TODAY)
def test_so_is_one_about_kafka_of_today(today: Lab, name: str) -> None:
    solved_done_wrong_and_brought_back(today, name)


@pytest.mark.full("exercises", sample=0)
@pytest.mark.parametrize("name", MIRRORED)
def test_so_is_one_between_datacenters(mirrored: Lab, name: str) -> None:
    solved_done_wrong_and_brought_back(mirrored, name)
    assert mirrored.fab("mirror.status", "--json").json["healthy"]


@pytest.mark.full("exercises", sample=0)
@pytest.mark.parametrize("name", CONNECTED)
def test_so_is_one_about_connectors(mirrored: Lab, name: str) -> None:
    solved_done_wrong_and_brought_back(mirrored, name)
    assert mirrored.fab("plan").out == "plan: nothing to do\n", "nobody's connectors but its own"


@pytest.mark.full("exercises", sample=0)
@pytest.mark.parametrize("name", SCHEMAS)
def test_so_is_one_with_a_schema_registry(make_lab: MakeLab, name: str) -> None:
    lab = make_lab("schemas", first=248, port_base=14900, sections={"registry": {"at": "dc1"}},
                   datacenters=({"metadata": "kraft", "combined": 1, "kafka": 1},))
    lab.fab("up")
    solved_done_wrong_and_brought_back(lab, name)


@pytest.mark.full("exercises", sample=0)
@pytest.mark.parametrize("name", PIPELINES)
def test_so_is_one_from_a_topic_into_a_store(make_lab: MakeLab, name: str) -> None:
    shape = {"metadata": "kraft", "combined": 1, "kafka": 1}
    lab = make_lab(
        "pipeline", first=244, port_base=14250, datacenters=(shape, shape),
        links=[("dc1", "dc2")], mirrors=[{"from": "dc1", "to": "dc2"}],
        tables={"sinks": [{"kind": "elasticsearch", "at": "dc2", "values": "avro",
                           "topics": ["dc1.orders"]}]},
        sections={"registry": {"at": "dc2"}, "kafka": {"heap_mb": 160},
                  "mirroring": {"refresh_s": 1}},
    )
    lab.fab("up")
    solved_done_wrong_and_brought_back(lab, name)


@pytest.fixture
def seen(make_lab: MakeLab) -> Lab:
    """Three brokers, at whom Prometheus looks every second."""
    lab = make_lab(
        "seen", first=244, port_base=14250, sections={
            "monitoring": {"enabled": True, "scrape_s": 1}, "kafka": {"heap_mb": 160},
            "zookeeper": {"heap_mb": 48}},
        datacenters=({"control": 1, "zookeeper": 1, "kafka": 3},),
    )
    lab.fab("up")
    return lab


@pytest.mark.full("exercises", sample=0)
@pytest.mark.parametrize("name", SEEN)
def test_so_is_one_with_a_fault_to_find_also_where_start_or_reset_was_killed(
    seen: Lab, name: str
) -> None:
    solved_done_wrong_and_brought_back(seen, name)
    book = library.load(name)
    values = seen.fab("exercise.check", name, "--json", expect=1).json["parameters"]
    broken = next(one for one in seen.of("kafka") if one.number == values["broken"])

    def runs() -> bool:
        return seen.inside(broken, "systemctl is-active kafka || true").strip() == "active"

    def started_anew() -> None:
        seen.fab("exercise.start", name)
        assert not runs() and {"mended", "alarm"} & set(missing(
            seen.fab("exercise.check", name, "--json", expect=1)))

    def killed(task: str, when: Callable[[], bool], what: str) -> None:
        process = seen.start(task, name)
        with killed_at_last(process):
            until(when, what, 90)
            os.kill(process.pid, signal.SIGKILL)
            process.wait(10)

    assert book.fault and runs()
    admin = AdminClient({"bootstrap.servers": seen.bootstrap()})

    def topics() -> int:
        made = ("bills-", "carts-", "trips-")
        return sum(one.startswith(made) for one in admin.list_topics(timeout=10).topics)

    killed("exercise.start", lambda: topics() == 1, "one of the topics is made")
    started_anew()  # what was not made, and all of it
    killed("exercise.reset", runs, "the broker runs")
    started_anew()
    seen.fab("exercise.reset", name)
    assert topics() == 0 and runs()
    killed("exercise.start", lambda: not runs(), "the broker is away")
    assert seen.fab("up").out and runs(), "a lab that is brought up is whole"
    seen.fab("exercise.reset", name)
    assert topics() == 0 and seen.fab("status", "--json").json["healthy"]
    assert seen.fab("exercise.reset", name).out.splitlines() == [f"{name}: as before"]


@pytest.mark.full("exercises", sample=0)
@pytest.mark.parametrize("name", GUARDED)
def test_so_is_one_about_who_somebody_is(make_lab: MakeLab, name: str) -> None:
    lab = make_lab("guarded", first=252, port_base=11600,
                   sections={"security": {"listeners": "mtls", "acls": True}},
                   tables={"users": [{"name": "clerk"}]},
                   datacenters=({"control": 0, "metadata": "kraft", "combined": 1, "kafka": 1},))
    lab.fab("up")
    solved_done_wrong_and_brought_back(lab, name)
    assert lab.fab("plan").out == "plan: nothing to do\n", "its own certificate, and no right more"


@pytest.mark.full("exercises", sample=0)
@pytest.mark.parametrize("name", UPGRADES)
def test_one_about_upgrades_is_solved_and_done_wrong_in_a_lab_of_its_own(
    make_lab: MakeLab, name: str
) -> None:
    """Each ends where only a new lab leads back to the beginning, or is gone back by the lab file.
    """
    book = library.load(name)
    begins = book.exercise.begins
    lab = make_lab("lesson", first=161, port_base=19400, sections={"kafka": {
        "version": begins, "finalize": "by hand"}},
        datacenters=({"control": 0, "zookeeper": 1, "kafka": book.exercise.brokers},))
    lab.fab("up")
    untouched = missing(lab.fab("exercise.check", name, "--json", expect=1))
    for script, claim in book.wrong.items():
        lab.fab("exercise.solve", name, "--wrong", script, expect=1, timeout=900)
        assert claim in missing(lab.fab("exercise.check", name, "--json", expect=1)), script
        begun_anew(lab, name, begins)
        assert missing(lab.fab("exercise.check", name, "--json", expect=1)) == untouched
    solved = lab.fab("exercise.solve", name, timeout=900)
    assert solved.out.splitlines()[-1].endswith("- done"), solved
    assert "say version =" in lab.fab("exercise.reset", name).out.splitlines()[-1]


def begun_anew(lab: Lab, name: str, begins: str) -> None:
    """As a reset says it."""
    said = lab.fab("exercise.reset", name).out.splitlines()[-1]
    assert f'say version = "{begins}" in the lab file' in said
    if "`fab down`" in said:
        lab.fab("down")
    lab.write()  # with the version of the beginning
    lab.fab("up")
    assert lab.fab("exercise.reset", name).out.splitlines() == [f"{name}: as before"]


def solved_done_wrong_and_brought_back(lab: Lab, name: str) -> None:
    book = library.load(name)
    lab.fab("exercise.reset", name)
    run = lab.fab("exercise.check", name, "--json", expect=1)
    untouched = missing(run)
    first = lab.fab("exercise.check", name, expect=1).out
    assert untouched and "✗" in first

    solved = lab.fab("exercise.solve", name)
    assert solved.out.splitlines()[-1].endswith("- done"), solved
    run = lab.fab("exercise.check", name, "--json")
    assert run.json["solved"] and missing(run) == []
    everything = lab.fab("exercise.list", "--json").json
    List.model_validate(everything)
    listed = everything["exercises"]
    states = {one["id"]: one["state"] for one in listed}
    assert states[name] == "done"

    for script, claim in book.wrong.items():
        assert "as before" in lab.fab("exercise.reset", name).out
        lab.fab("exercise.solve", name, "--wrong", script, expect=1)
        assert claim in missing(lab.fab("exercise.check", name, "--json", expect=1)), script
    lab.fab("exercise.reset", name)
    assert missing(lab.fab("exercise.check", name, "--json", expect=1)) == untouched
    assert lab.fab("status", "--json").json["healthy"]


# How far a solution is when it is killed: the claim that holds by then.
KILLED = {"ch3-replicas": "shrunk", "ch3-groups": "crowd", "ch3-segments": "topic"}


@pytest.mark.full("exercises", sample=0)
@pytest.mark.parametrize("name", KILLED)
def test_what_a_killed_solution_leaves_is_put_right(lab: Lab, name: str) -> None:
    lab.fab("exercise.reset", name)
    untouched = missing(lab.fab("exercise.check", name, "--json", expect=1))
    process = lab.start("exercise.solve", name)
    with killed_at_last(process):
        until(lambda: KILLED[name] not in missing(lab.fab(
            "exercise.check", name, "--json", expect=None)), f"{KILLED[name]} holds", 90)
        os.kill(process.pid, signal.SIGKILL)  # `fab` alone, not what it started
        process.wait(10)
    lab.fab("exercise.reset", name)
    assert missing(lab.fab("exercise.check", name, "--json", expect=1)) == untouched
    assert lab.fab("status", "--json").json["healthy"]
    for host in (*lab.of("control"), *lab.of("kafka")):
        left = lab.inside(host, "grep -lzs '^KAFKALAB_EXERCISE=' /proc/[0-9]*/environ || true")
        assert left == "", f"{host.name}: {left}"
    assert lab.fab("exercise.reset", name).out.splitlines() == [f"{name}: as before"]


@pytest.mark.full("exercises", sample=0)
def test_the_file_of_an_offset_is_where_the_broker_has_it(lab: Lab) -> None:
    """Twenty offsets, and each file's first and last, against the dumps of the leader's files: a
    follower may begin its segments elsewhere."""
    name = "ch3-segments"
    lab.fab("exercise.reset", name)
    lab.fab("exercise.solve", name)
    parameters = lab.fab("exercise.check", name, "--json").json["parameters"]
    topic, admin = parameters["topic"], AdminClient({"bootstrap.servers": lab.bootstrap()})
    leader = admin.list_topics(topic, timeout=10).topics[topic].partitions[0].leader
    place = f"{topic}-0"
    files = dumped(lab, next(one for one in lab.of("kafka") if one.number == leader), place)
    assert len(files) >= 2
    everything = {offset: file for file, offsets in files.items() for offset in offsets}
    assert sorted(everything) == list(range(parameters["records"]))
    edges = {edge for offsets in files.values() for edge in (min(offsets), max(offsets))}
    for offset in (*edges, *random.Random(leader).sample(sorted(everything), 20)):
        said, page = lab.fab("exercise.show", name, "--offset", str(offset)).out.splitlines()
        assert said == f"{place}: offset {offset:,} is in {everything[offset]}"
    drawn = Path(page).read_text()
    for file in files:
        assert f">{file}<" in drawn
    beyond = lab.fab("exercise.show", name, "--offset", str(max(everything) + 1)).out
    assert f"there is no offset {max(everything) + 1:,} in it" in beyond
    lab.fab("exercise.reset", name)


def dumped(lab: Lab, host: Host, place: str) -> dict[str, set[int]]:
    """The offsets in each file of a partition on a host, as Kafka's own tool finds them."""
    text = lab.inside(host, f"""\
cd /data/kafka-logs/{place} && for file in *.log; do
  echo "file $file"
  /usr/local/kafka/bin/kafka-dump-log.sh --files "$file" --print-data-log | cut -c 1-60
done""")
    found: dict[str, set[int]] = {}
    for line in text.splitlines():
        if line.startswith("file "):
            found[line.removeprefix("file ")] = current = set()
        elif match := re.match(r"\| offset: (\d+) ", line):
            current.add(int(match[1]))
    return found


@pytest.mark.full("exercises", sample=0)
def test_the_batches_that_ch5_partitioner_shows_are_those_of_a_dump(lab: Lab) -> None:
    """By hand, with Kafka's own tool: of every partition, on the one broker that has them all."""
    name = "ch5-partitioner"
    lab.fab("exercise.reset", name)
    lab.fab("exercise.solve", name)
    run = lab.fab("exercise.check", name, "--json")
    seen = {one["claim"]: one["seen"] for one in run.json["claims"]}
    parameters = run.json["parameters"]
    (broker,) = (one for one in lab.of("kafka", "dc1") if one.number == 1)
    for claim, parameter in (("sticky-none", "sticky_none"), ("robin-none", "robin_none"),
                             ("sticky", "sticky"), ("robin", "robin"), ("filled", "small")):
        topic = parameters[parameter]
        dumped = [dump(lab, broker, f"{topic}-{number}") for number in range(3)]
        counts = [sum(count for count, _ in part) for part in dumped]
        assert sum(counts) == parameters["records"]
        batches = [one for part in dumped for one in part]
        size = round(sum(size for _, size in batches) / len(batches))
        each = f"{parameters['records'] / len(batches):.1f}"
        assert seen[claim] == (f"{'/'.join(map(str, counts))} by partition, {len(batches)} batches "
                               f"of {each} records and {size} bytes")
    lab.fab("exercise.reset", name)


def dump(lab: Lab, broker: Host, place: str) -> list[tuple[int, int]]:
    """(records, bytes) of each batch that Kafka's own tool finds in a partition."""
    said = lab.inside(broker, f"/usr/local/kafka/bin/kafka-dump-log.sh --files "
                              f"/data/kafka-logs/{place}/00000000000000000000.log")
    return [(int(count), int(size)) for count, size in
            re.findall(r"^baseOffset: .* count: (\d+) .* size: (\d+) ", said, re.MULTILINE)]
