"""Read records, change them, and write them: with or without a transaction around each batch.

    python relay.py FROM TO --group GROUP [--exactly-once] [--batch 50] [--die-after 120]

It goes on where the group has committed, and ends when it has read to the end. BOOTSTRAP comes from
the environment.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, Message, Producer

SESSION_MS = 6000  # so long a group waits for a member that died


def batches(consumer: Consumer, size: int) -> Iterator[list[Message]]:
    """What there is to read, `size` records at a time, to the end of every partition."""
    ended: set[int] = set()
    batch: list[Message] = []
    while True:
        message = consumer.poll(1)
        if message is None:
            continue
        error = message.error()
        if error is None:
            ended.discard(message.partition())
            batch.append(message)
        elif error.code() == KafkaError._PARTITION_EOF:
            ended.add(message.partition())
        elif not error.retriable():
            raise SystemExit(f"error: {error.str()}")
        over = len(ended) == len(consumer.assignment())
        if batch and (over or len(batch) == size):
            yield batch
            batch = []
        if over:
            return


def brokers() -> dict[str, str]:
    """Where brokers are, and what they ask for where they are closed, which the file CLIENT has."""
    settings = {"bootstrap.servers": os.environ["BOOTSTRAP"]}
    if os.environ.get("CLIENT"):
        settings |= json.loads(Path(os.environ["CLIENT"]).read_text())
    return settings


def relay(said: argparse.Namespace) -> int:
    """Do it; how many records were written."""
    there = brokers()
    consumer = Consumer({
        **there, "group.id": said.group, "auto.offset.reset": "earliest",
        "enable.auto.commit": False, "enable.partition.eof": True,
        "isolation.level": "read_committed", "session.timeout.ms": SESSION_MS,
    })
    # The id stays when it is started again: Kafka knows by it whose transaction is unfinished.
    own = {"transactional.id": said.group} if said.exactly_once else {}
    producer = Producer({**there, **own})
    if said.exactly_once:
        producer.init_transactions()  # aborts what the one before has left open
    consumer.subscribe([said.source])
    written = 0
    for batch in batches(consumer, said.batch):
        if said.exactly_once:
            producer.begin_transaction()
        for record in batch:
            producer.produce(said.target, (record.value() or b"").upper(), record.key())
            written += 1
            if written == said.die_after:
                producer.flush()  # these records have been sent
                print(f"{written} records written, and now kill -9", flush=True)
                os.kill(os.getpid(), signal.SIGKILL)
        places = consumer.position(consumer.assignment())
        if said.exactly_once:
            producer.send_offsets_to_transaction(places, consumer.consumer_group_metadata())
            producer.commit_transaction()
        else:
            producer.flush()
            consumer.commit(offsets=places, asynchronous=False)
        print(f"{written} records written, up to offset {places[0].offset} committed", flush=True)
    consumer.close()
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", metavar="FROM", help="the topic to read")
    parser.add_argument("target", metavar="TO", help="the topic to write")
    parser.add_argument("--group", required=True)
    parser.add_argument("--exactly-once", action="store_true", help="in transactions")
    parser.add_argument("--batch", type=int, default=50, help="records between two commits")
    parser.add_argument("--die-after", type=int, default=0, metavar="N",
                        help="kill itself when so many records are written")
    said = parser.parse_args()
    if "BOOTSTRAP" not in os.environ:
        parser.error("not set: BOOTSTRAP (see the task)")
    print(f"end of {said.source}: {relay(said)} records written")


if __name__ == "__main__":
    main()
