"""The sinks of the lab that LAB names, each against a plain loader, as a process of its own.

    python -m bench.carrying NUMBER

Both bring the same documents into an index of the same settings, or a table: the loader in requests
of as many as the sink has, made before its clock starts; the sink from a topic that has them all.
Which goes first changes with NUMBER.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

from bench import loading
from bench.measure import BenchError
from lab.drills.sink import content, malformed, name
from lab.options.sinks import Sink
from lab.services import hbase
from lab.topology import Topology
from scripts.clients.kafka import client_settings
from scripts.drills import topics
from scripts.drills.carried import Carrier
from scripts.drills.clients import Place
from scripts.drills.stock import INDEX
from scripts.drivers.driver import Site
from scripts.drivers.rows import rows
from scripts.drivers.stores import documents as stored
from scripts.session import Session
from scripts.tasks.clusters import sites_of
from scripts.workstation.waiting import wait_until

DOCUMENTS = 100_000
RUN = "carrying"
WRITE_S, CARRY_S, LOOK_S = 120.0, 300.0, 0.1


def documents() -> Iterator[tuple[int, bytes]]:
    """Numbers and values, as many as are wanted, all of which are documents."""
    number = left = 0
    while left < DOCUMENTS:
        if not malformed(number):
            yield number, content(RUN, number, 0.0)
            left += 1
        number += 1


def fill(place: Place) -> None:
    """All documents into the topic."""
    from confluent_kafka import Producer  # noqa: PLC0415 - 50 ms

    producer = Producer(client_settings(place.endpoint, acks="all", **{
        "queue.buffering.max.messages": DOCUMENTS + 1, "enable.idempotence": True,
    }))
    for number, value in documents():
        producer.produce(place.own, value, key=name(number), partition=number % topics.KEYS)
    if left := producer.flush(WRITE_S):
        raise BenchError(f"{left} records were not written to {place.own}")


def loader(carrier: Carrier) -> float:
    """Records a second, until the store has acknowledged all."""
    took = loading.load(carrier, documents())
    if lacking := lacks(carrier):
        raise BenchError(f"after the loader {lacking}")
    return DOCUMENTS / took


def sink(carrier: Carrier) -> float:
    """Records a second, from the first that is there to the last."""
    carrier.prepare()
    look, seen = progress(carrier), [(0.0, 0.0)]

    def all_there() -> bool:
        seen.append((look(), time.monotonic()))
        # What was sent again is counted again, so all of it is only looked at in the end.
        return seen[-1][0] > DOCUMENTS - topics.KEYS and not lacks(carrier)

    wait_until(all_there, timeout=CARRY_S, pause=LOOK_S, message="the sink has not carried all")
    first = next(one for one in seen if one[0])
    if first == seen[-1]:
        raise BenchError("the sink was done before anybody looked")
    return (DOCUMENTS - first[0]) / (seen[-1][1] - first[1])


def progress(carrier: Carrier) -> Callable[[], float]:
    """What tells how many records were carried, by what the store counts of itself: to make it
    ready to be searched, or to count its rows, ten times a second would cost the sink its time.

    With rows by their keys a record is two changes, but for the first one of a partition.
    """
    if carrier.sink.kind == hbase.KIND:
        table, each = rows(carrier.site, carrier.host), 2 if carrier.by_key else 1
        return lambda: int((table.state(INDEX) or {}).get("written", 0)) / each
    index = stored(carrier.site, carrier.host, carrier.sink.kind)
    return lambda: float(index.written([INDEX]).get(INDEX, 0))


def lacks(carrier: Carrier) -> str:
    """What the store does not have; "" where each document is there, or the last of each key."""
    if not carrier.by_key:
        count = carrier.stock().count()
        return "" if count == DOCUMENTS else f"{count} of {DOCUMENTS} documents are there"
    found = {one.name: one.number for one in carrier.kept() if one.intact}
    wanted = {name(number): number for number, _ in documents()}
    return "" if found == wanted else "rows are not what the last records of their keys say"


def measured(
    topology: Topology, site: Site, place: Place, one: Sink, number: int
) -> Iterator[tuple[str, float]]:
    """Records a second of a sink and of its loader, in turn."""
    carrier = Carrier(one, site, place, place.own, RUN)
    topics.prepare(topology, [place])
    try:
        fill(place)
        ways = [("loader", loader), ("sink", sink)]
        for what, way in ways[::-1] if number % 2 else ways:
            yield what, way(carrier)
    finally:
        carrier.remove()
        topics.empty(place)


def main(number: int) -> None:
    session = Session()
    with sites_of(session, None) as (places, _):
        for one in session.topology.config.sinks:
            site = places[one.at]
            place = topics.place(session.topology, site.context, one.at, ())
            for what, rate in measured(session.topology, site, place, one, number):
                print(f"{one.called} {what}: {rate:.1f} records/s", flush=True)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except BenchError as error:
        sys.exit(f"error: {error}")
