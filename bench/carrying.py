"""The sink of the lab that LAB names against a plain loader, as a process of its own.

    python -m bench.carrying NUMBER

Both bring the same documents into an index of the same settings: the loader in requests of as many
as the sink has, made before its clock starts, over one connection; the sink from a topic that has
them all. Which goes first changes with NUMBER.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Callable, Iterator

from bench.measure import BenchError
from lab.drills.sink import content, malformed, name
from lab.services.stores import STORES
from scripts.clients.kafka import client_settings
from scripts.drills import topics
from scripts.drills.carried import Carrier
from scripts.drills.clients import Place
from scripts.drills.stock import INDEX
from scripts.session import Session
from scripts.tasks.clusters import sites_of
from scripts.workstation.waiting import wait_until

DOCUMENTS, BATCH = 100_000, 2_000
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


def loader(carrier: Carrier, address: tuple[str, int]) -> float:
    """Documents a second, until the store has acknowledged all."""
    store, settings = carrier.stock(), json.loads(carrier.settings()["index.settings"])
    store.drop()
    lines = [
        b'{"index":{"_id":"%d","version":%d,"version_type":"external"}}\n%s\n'
        % (number, number + 1, value) for number, value in documents()
    ]
    bodies = [b"".join(lines[at:at + BATCH]) for at in range(0, len(lines), BATCH)]
    connection = http.client.HTTPConnection(*address, timeout=60)
    _ask(connection, "PUT", f"/{INDEX}", json.dumps({"settings": settings}).encode())
    began = time.monotonic()
    for body in bodies:
        if json.loads(_ask(connection, "POST", f"/{INDEX}/_bulk", body))["errors"]:
            raise BenchError("the store refused documents of the loader")
    took = time.monotonic() - began
    _complete(store.count())
    return DOCUMENTS / took


def sink(carrier: Carrier) -> float:
    """Documents a second, from the first that is there to the last."""
    carrier.prepare()
    store, seen = carrier.stock(), [(0, 0.0)]

    def all_there() -> bool:
        seen.append((store.count(), time.monotonic()))
        return seen[-1][0] >= DOCUMENTS

    wait_until(all_there, timeout=CARRY_S, pause=LOOK_S, message="the sink has not carried all")
    first = next(one for one in seen if one[0])
    if first == seen[-1]:
        raise BenchError("the sink was done before anybody looked")
    _complete(seen[-1][0])
    return (seen[-1][0] - first[0]) / (seen[-1][1] - first[1])


def _ask(connection: http.client.HTTPConnection, method: str, path: str, body: bytes) -> bytes:
    connection.request(method, path, body, {"Content-Type": "application/x-ndjson"
                                            if path.endswith("_bulk") else "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 300:
        raise BenchError(f"{method} {path}: {answer.status} {text[:300]!r}")
    return text


def _complete(count: int) -> None:
    if count != DOCUMENTS:
        raise BenchError(f"{count} documents instead of {DOCUMENTS}")


def main(number: int) -> None:
    session = Session()
    one = session.topology.config.sinks[0]
    with sites_of(session, None) as (places, _):
        site = places[one.at]
        place = topics.place(session.topology, site.context, one.at, ())
        carrier = Carrier(one, site, place, place.own, RUN)
        address = site.context.reached[carrier.host.name, STORES[one.kind].port]
        topics.prepare(session.topology, [place])
        try:
            fill(place)
            ways: list[tuple[str, Callable[[], float]]] = [
                ("loader", lambda: loader(carrier, address)), ("sink", lambda: sink(carrier)),
            ]
            for what, way in ways[::-1] if number % 2 else ways:
                print(f"{what}: {way():.1f} documents/s", flush=True)
        finally:
            carrier.remove()
            topics.empty(place)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except BenchError as error:
        sys.exit(f"error: {error}")
