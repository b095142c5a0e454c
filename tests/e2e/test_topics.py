"""[[topics]] on a real cluster: made, changed and removed as the file says, nobody else's ever."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka.admin import ResourceType

from tests.e2e.clients import Client
from tests.e2e.lab_under_test import Lab, until

pytestmark = pytest.mark.host

IN_ORDER = "plan: nothing to do\n"
OURS, NEW, THEIRS = "file-kept", "file-new", "file-theirs"
DEFAULT = "1048588"  # max.message.bytes of brokers that say nothing else
# Ends `fab` without a word when the cluster has been asked, or just before.
KILLED = """
import os
from scripts.drivers.topics import Topics
asked = Topics._request
def ends(self, change, *, validate=False):
    if validate or {after}:
        asked(self, change, validate=validate)
    if not validate:
        os._exit(9)
Topics._request = ends
"""


def topic(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "datacenters": ["dc1"], **more}


def say(lab: Lab, *topics: dict[str, Any]) -> None:
    lab.topics = topics
    lab.write()


def changes(lab: Lab, expect: int = 2) -> list[str]:
    """What `fab plan` shows, but for its last line."""
    return lab.fab("plan", expect=expect).out.splitlines()[:-1]


def test_a_topic_is_made_and_changed_as_the_file_says(lab: Lab) -> None:
    client = Client(lab.bootstrap())
    settings = {"retention.ms": 3600000, "max.message.bytes": 2000000}
    say(lab, topic(OURS, partitions=2, replicas=2, config=settings))
    assert changes(lab) == [
        f"+ topic {OURS} of dc1 (2 partitions, 2 replicas, max.message.bytes = 2000000, "
        "retention.ms = 3600000)",
    ]
    assert "1 topic set up, repaired or removed" in lab.fab("kafka").out
    until(lambda: client.topics().get(OURS) == 2, "it is there")
    assert client.setting(OURS, "max.message.bytes") == "2000000"
    assert lab.fab("plan").out == IN_ORDER
    written = client.write(OURS, [str(number) for number in range(50)], 1)

    say(lab, topic(OURS, partitions=4, replicas=2, config={"retention.ms": 7200000}))
    assert changes(lab) == [
        f"~ topic {OURS} of dc1: partitions: 2 -> 4",
        f"~ topic {OURS} of dc1: max.message.bytes: 2000000 -> (none)",
        f"~ topic {OURS} of dc1: retention.ms: 3600000 -> 7200000",
    ]
    lab.fab("kafka")
    until(lambda: client.topics()[OURS] == 4, "four partitions")
    assert client.setting(OURS, "retention.ms") == "7200000"
    assert client.setting(OURS, "max.message.bytes") == DEFAULT
    assert lab.fab("plan").out == IN_ORDER

    client.change(ResourceType.TOPIC, OURS, "retention.ms", "1000000")
    until(lambda: client.setting(OURS, "retention.ms") == "1000000", "somebody has changed it")
    assert changes(lab) == [f"~ topic {OURS} of dc1: retention.ms: 1000000 -> 7200000"]
    assert "1 topic set up, repaired or removed" in lab.fab("up").out
    assert client.setting(OURS, "retention.ms") == "7200000"
    assert client.read(OURS, {1: written[-1]}) == {1: written}


def test_what_cannot_be_is_refused_and_nothing_goes_that_the_file_does_not_say(lab: Lab) -> None:
    client = Client(lab.bootstrap())
    say(lab, topic(OURS, partitions=4, replicas=2))
    lab.fab("kafka")
    client.make(THEIRS)
    say(lab, topic(OURS, partitions=3, replicas=3), topic(THEIRS, partitions=2), topic(NEW))
    plan = lab.fab("plan", expect=1)
    assert f"+ topic {NEW} of dc1\n" in plan.out
    run = lab.fab("kafka", expect=1)
    for words in (
        f"topic {OURS} has 4 partitions, which cannot become 3",
        f"topic {OURS} has 2 replicas a partition, which is not changed to 3",
        f"topic {THEIRS} was not made by the lab, so it is not changed",
    ):
        assert words in plan.err and words in run.err, (plan, run)
    until(lambda: NEW in client.topics(), "all else was done")
    assert (client.topics()[OURS], client.topics()[THEIRS]) == (4, 1)

    say(lab)  # what is not in the file is left
    assert lab.fab("plan").out == IN_ORDER
    assert {OURS, NEW, THEIRS} <= client.topics().keys()

    say(lab, *(topic(name, absent=True) for name in (OURS, NEW, THEIRS, "file-never-was")))
    plan = lab.fab("plan", expect=1)
    assert plan.out.splitlines()[:-1] == [f"- topic {OURS} of dc1", f"- topic {NEW} of dc1"]
    run = lab.fab("kafka", expect=1)
    words = f"topic {THEIRS} was not made by the lab, so it is not removed"
    assert words in plan.err and words in run.err, (plan, run)
    until(lambda: not {OURS, NEW} & client.topics().keys(), "they are gone")
    assert THEIRS in client.topics()
    client.delete(THEIRS)
    assert lab.fab("plan").out == IN_ORDER
    say(lab)


@pytest.mark.parametrize("after", [False, True], ids=["before it is made", "when it is made"])
def test_what_a_killed_run_has_made_is_the_labs(lab: Lab, after: bool) -> None:
    client = Client(lab.bootstrap())
    say(lab, topic(OURS, partitions=1))
    lab.fab("kafka", before=KILLED.format(after=after), expect=9)
    until(lambda: (OURS in client.topics()) is after, "it was killed there")
    assert changes(lab, 0 if after else 2) == (
        [] if after else [f"+ topic {OURS} of dc1 (1 partition)"]
    )
    lab.fab("kafka")
    say(lab, topic(OURS, absent=True))
    assert changes(lab) == [f"- topic {OURS} of dc1"]
    lab.fab("kafka")
    until(lambda: OURS not in client.topics(), "it is gone")
    assert lab.fab("plan").out == IN_ORDER
    say(lab)
