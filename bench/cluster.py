"""What a benchmark does in the first cluster of the lab that LAB names, as a process of its own.

    python -m bench.cluster fill|loads
"""

from __future__ import annotations

import os
import sys
from contextlib import closing

from bench.measure import BenchError
from scripts.clients.kafka import client_settings, keep_topic
from scripts.clients.reassigning import Reassigning
from scripts.drivers.balancing import Balancing
from scripts.drivers.driver import Site
from scripts.session import Session
from scripts.tasks.clusters import sites_of

TOPIC, PARTITIONS, REPLICAS = "ballast", 24, 3
RECORDS, RECORD = 960, 100_000  # how many of how many bytes: 96 MB, three times
QUEUED, FILL_SECONDS = 100, 120.0


def fill(site: Site) -> None:
    """Something that is worth moving."""
    from confluent_kafka import Producer  # noqa: PLC0415 - 50 ms

    keep_topic(site.kafka.endpoint, TOPIC, partitions=PARTITIONS, replication=(REPLICAS, 2),
               config={}, where=site.name)
    producer = Producer(client_settings(site.kafka.endpoint, acks="all"))
    for number in range(RECORDS):
        producer.produce(TOPIC, os.urandom(RECORD), partition=number % PARTITIONS)
        producer.poll(0)
        if len(producer) > QUEUED:
            producer.flush(FILL_SECONDS)
    if left := producer.flush(FILL_SECONDS):
        raise BenchError(f"{left} records were not written to {TOPIC}")


def loads(site: Site) -> None:
    """A line for each broker: its replicas, the partitions that it leads, and bytes."""
    with closing(Reassigning(site.kafka.endpoint, site.name)) as cluster:
        for one in Balancing(site, cluster, site.leaving).look().plan.before.values():
            print(one.replicas, one.leaders, one.size)


ACTIONS = {"fill": fill, "loads": loads}

if __name__ == "__main__":
    try:
        with sites_of(Session(), None) as (places, _):
            ACTIONS[sys.argv[1]](next(iter(places.values())))
    except BenchError as error:
        sys.exit(f"error: {error}")
