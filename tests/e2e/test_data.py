"""The tools against real clusters: what they tell is what a client of its own sees and wrote."""

from __future__ import annotations

import json
import os
import re
import signal
from collections import Counter
from contextlib import closing

import pytest
from confluent_kafka.admin import AdminClient

from tests.e2e.clients import Client
from tests.e2e.lab_under_test import Lab, killed_at_last, until

pytestmark = pytest.mark.host

QUICK = 5  # seconds; it takes less than one on a machine that does nothing else
TOPIC = "tools-orders"


def whatever_there_is(lab: Lab) -> tuple[set[str], set[str]]:
    """Topics and groups, as the cluster itself lists them."""
    admin = AdminClient({"bootstrap.servers": lab.bootstrap(), "log_level": 0})
    groups = admin.list_consumer_groups().result(10).valid
    return set(admin.list_topics(timeout=10).topics), {one.group_id for one in groups}


def test_a_load_is_what_the_cluster_has_and_what_the_tools_show(lab: Lab) -> None:
    run = lab.fab("load", "--topic", TOPIC, "--rate", "400", "--duration", "2", "--seed", "5")
    assert re.search(r"^800 records in .*, numbers 0 to 799, seed 5: 800 acknowledged, 0 failed; "
                     r"latency median [\d.]+ ", run.out, re.MULTILINE), run
    assert len(re.findall(r"^ +\d+ s .* acknowledged  0 failed  median ", run.out, re.M)) == 2

    found = lab.fab("topics", "--topic", TOPIC, "--datacenter", "dc1", "--json").json
    (topic,) = found["datacenters"][0]["topics"]
    assert (topic["partitions"], topic["replicas"], topic["records"]) == (6, 3, 800)
    assert (topic["under_replicated"], topic["cleanup_policy"]) == (0, "delete")
    assert topic["bytes"] > 3 * 800 * 50
    client = Client(lab.bootstrap())
    ends = {one["partition"]: one["next"] for one in topic["detail"]}
    written = {
        part: client.read(TOPIC, {part: last(lab, part)})[part] for part in ends if ends[part]
    }
    assert {part: len(values) for part, values in written.items()} == {
        part: end for part, end in ends.items() if end
    }
    values = [json.loads(text) for texts in written.values() for text in texts]
    assert sorted(one["seq"] for one in values) == list(range(800))
    homes = Counter(one["customer"] for texts in written.values()
                    for one in {json.loads(text)["customer"]: json.loads(text)
                                for text in texts}.values())
    assert set(homes.values()) == {1}, "a key lies in one partition"

    shown = lab.fab("records", "--topic", TOPIC, "--offset", "-800", "--json").json
    assert (len(shown["records"]), shown["whole"]) == (800, True)
    assert {one["partition"]: one["next"] for one in shown["ends"]} == ends
    told = {(one["partition"], one["offset"], one["value"]["text"]) for one in shown["records"]}
    assert told == {(part, offset, text) for part, texts in written.items()
                    for offset, text in enumerate(texts)}
    key = values[0]["customer"]
    mine = lab.fab("records", "--topic", TOPIC, "--key", key, "--limit", "800", "--json").json
    assert len(mine["records"]) == sum(one["customer"] == key for one in values)


def last(lab: Lab, part: int) -> str:
    """The content of a partition's last record, as the tool tells it."""
    (one,) = lab.fab("records", "--topic", TOPIC, "--partition", str(part), "--offset", "-1",
                     "--json").json["records"]
    return str(one["value"]["text"])


def test_groups_with_members_and_without(lab: Lab) -> None:
    client = Client(lab.bootstrap())
    client.make("tools-read", 2)
    for part in (0, 1):
        client.write("tools-read", ["a", "b", "c"], part)
    client.commit("tools-left", "tools-read", {0: 1})

    def group(name: str) -> dict[str, object]:
        run = lab.fab("groups", "--datacenter", "dc1", "--group", name, "--json")
        (found,) = run.json["datacenters"][0]["groups"]
        return dict(found)

    left = group("tools-left")
    assert (left["state"], left["members"], left["lag"]) == ("empty", [], 2)
    with closing(client.member("tools-busy", "tools-read")):
        busy = group("tools-busy")
        assert (busy["state"], busy["lag"]) == ("stable", None)
        (member,) = busy["members"]  # type: ignore[misc]
        assert [one["partition"] for one in member["partitions"]] == [0, 1]
        out = lab.fab("groups", "--group", "tools-busy").out
        assert re.search(r"tools-busy +tools-read +1 +- +3 +- +rdkafka +nothing committed yet", out)


def test_what_only_looks_leaves_nothing_behind(lab: Lab) -> None:
    client = Client(lab.bootstrap())
    client.make("tools-odd")
    client.write_with("tools-odd", "\x1b[2Jred\x07", [("h", b"\xff")])
    before = whatever_there_is(lab)
    for words, status in (
        (("topics", "--internal"), 0), (("topics", "--topic", "tools-non"), 2),
        (("groups", "--group", "tools-non"), 2), (("groups",), 0),
        (("records", "--topic", "tools-non"), 2), (("records", "--topic", "tools-odd"), 0),
        (("records", "--topic", "tools-odd", "--offset", "5", "--partition", "0"), 0),
    ):
        run = lab.fab(*words, expect=status)
        assert run.seconds < QUICK, run
        assert len(run.lines) == (status != 0), run
        assert "\x1b" not in run.out
    assert "__consumer_offsets" in lab.fab("topics", "--internal").out
    assert "__consumer_offsets" not in lab.fab("topics").out
    assert r"\x1b[2Jred\x07" in lab.fab("records", "--topic", "tools-odd").out
    assert whatever_there_is(lab) == before


def test_ctrl_c_ends_a_load_with_its_sum(lab: Lab) -> None:
    process = lab.start("load", "--topic", "tools-stop", "--rate", "50", "--partitions", "1")
    with killed_at_last(process):
        said = process.stdout
        assert said
        until(lambda: "acknowledged" in said.readline(), "a second of the load")
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    match = re.search(r"^(\d+) records .*: (\d+) acknowledged, 0 failed; ", out, re.MULTILINE)
    assert match, out
    assert match[1] == match[2]
    records = lab.fab("topics", "--topic", "tools-stop", "--json").json
    assert records["datacenters"][0]["topics"][0]["records"] == int(match[1])
