"""A load on a cluster: numbered records at a pace, and what became of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scripts.errors import LabError, UsageError
from scripts.tasks.cli import lab_task
from scripts.tasks.clusters import sites_of

if TYPE_CHECKING:
    from scripts.session import Session

if TYPE_CHECKING:
    from lab.load import Load
    from scripts.drivers.driver import Site

TOPIC_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
MAX_PARTITIONS = 1000
PARTITIONS = 6  # of a topic that is made


@lab_task(locks=False, help={
    "datacenter": "the cluster (the first, where none is named)",
    "topic": "where to; made where it is missing", "rate": "records per second",
    "skew": "of the keys: 0 all alike, 1 as words of a language, more is more unequal",
    "keys": "how many different ones", "seed": "another number gives other records",
    "shape": "steady, or bursty: a burst of 2 s every 10 s",
    "duration": "seconds; without it, until Ctrl-C",
    "partitions": f"of a topic that is made ({PARTITIONS})",
})
def load(
    session: Session, *, datacenter: str | None = None, topic: str = "orders", rate: int = 100,
    skew: float = 1.0, keys: int = 100, seed: int = 1, shape: str = "steady", duration: int = 0,
    partitions: int = 0,
) -> int:
    """Write numbered records as an application does.

    Tells each second how many were acknowledged and how long that took. Exit status 1 when a record
    failed.
    """
    from lab.load import Load, closing, line, sentence
    from scripts.clients.load import Writer
    from scripts.drivers.looks import awake
    from scripts.workstation.stopping import stoppable

    asked = Load(rate, keys, skew, seed, shape)
    _check(session, asked, topic, duration, partitions)
    with sites_of(session, datacenter) as (places, up):
        site = next(iter(places.values()))
        awake(site, up)
        _keep(site, topic, partitions)
        where = f"{topic} of {site.name}"
        session.say(sentence(asked, where, duration))
        writer = Writer(site.kafka.endpoint, topic, asked)
        with stoppable() as stop:
            seconds, began = 0.0, writer.clock()
            try:
                for second, count in writer.run(duration or None, stop.is_set):
                    session.say(line(second, count, writer.tally))
                seconds = writer.clock() - began
                writer.end()
            finally:
                session.say(closing(writer.tally, seconds or writer.clock() - began, where, asked))
    if writer.fatal:
        raise LabError(f"nothing can be written any more: {writer.fatal}", where=site.name,
                       hint="see `fab status`")
    return 1 if writer.tally.lost or writer.tally.waiting else 0


def _check(session: Session, asked: Load, topic: str, duration: int, partitions: int) -> None:
    """Raises UsageError for an option that cannot be used."""
    from lab.data.topics import internal

    for option, value, accepted in (
        *asked.faults(),
        *((("duration", duration, "seconds, or 0 for without end"),) if duration < 0 else ()),
        *((("partitions", partitions, f"1 to {MAX_PARTITIONS}"),)
          if not 0 <= partitions <= MAX_PARTITIONS else ()),
        *((("topic", repr(topic), "letters, digits, dots, _ and -"),)
          if not TOPIC_NAME.fullmatch(topic) or topic in (".", "..") else ()),
    ):
        raise UsageError(f"--{option} {value}", hint=f"accepted: {accepted}")
    if internal(topic, [one.name for one in session.topology.datacenters]):
        raise UsageError(f"--topic {topic}", hint="Kafka's or the lab's own; name one of yours")


def _keep(site: Site, topic: str, partitions: int) -> None:
    """Have the topic there. Raises LabError, UsageError where it has another number of partitions
    than was asked for."""
    from lab.services.topics import replication
    from scripts.clients.kafka import keep_topic

    view = site.kafka.view()
    there = sum(name.rpartition("-")[0] == topic for name in view.replicas)
    if there and partitions not in (0, there):
        raise UsageError(f"--partitions {partitions}: {topic} of {site.name} has {there}",
                         hint="name another topic, or leave it out")
    if not there:
        keep_topic(
            site.kafka.endpoint, topic, partitions=partitions or PARTITIONS, config={},
            replication=replication(site.lab, site.datacenter), where=site.name,
        )
