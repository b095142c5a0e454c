"""One worker of a share group: it takes records one by one, and tells what it did with each.

    python worker.py NAME --group GROUP [--spoiled VALUE]

It accepts a record that it has handled, and gives back (releases) one with that value, as something
that it cannot handle. Every record is a line, and a record in a topic, the journal. Ctrl-C ends it.
BOOTSTRAP, TOPIC and JOURNAL come from the environment.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import time
from pathlib import Path

from confluent_kafka import AcknowledgeType, Message, Producer, ShareConsumer

WORK_SECONDS = 0.4  # what a record takes
AT_ONCE = 2  # records that a worker takes, so that others get some, too


def brokers() -> dict[str, str]:
    """Where brokers are, and what they ask for where they are closed, which the file CLIENT has."""
    settings = {"bootstrap.servers": os.environ["BOOTSTRAP"]}
    if os.environ.get("CLIENT"):
        settings |= json.loads(Path(os.environ["CLIENT"]).read_text())
    return settings


class Worker:
    """`ended` once it has been asked to end; it handles first what it has taken."""

    def __init__(self, said: argparse.Namespace) -> None:
        self.said, self.ended = said, False
        there = brokers()
        self.producer = Producer({**there, "linger.ms": 0})
        self.consumer = ShareConsumer({
            **there,
            "group.id": said.group,
            "client.id": said.name,
            "share.acknowledgement.mode": "explicit",
            "max.poll.records": AT_ONCE,
        })

    def run(self) -> None:
        self.consumer.subscribe([os.environ["TOPIC"]])
        while not self.ended:
            for message in self.consumer.poll(0.5):
                error = message.error()
                if error is None:
                    self.handle(message)
                elif not error.retriable():
                    raise SystemExit(f"error: {error.str()}")
            self.consumer.commit_sync()
        self.consumer.close()

    def handle(self, message: Message) -> None:
        time.sleep(WORK_SECONDS)
        spoiled = (message.value() or b"").decode() == self.said.spoiled
        self.consumer.acknowledge(
            message, AcknowledgeType.RELEASE if spoiled else AcknowledgeType.ACCEPT)
        what = "released" if spoiled else "accepted"
        print(self.said.name, what, f"offset {message.offset()}, delivery",
              message.delivery_count(), flush=True)
        self.producer.produce(os.environ["JOURNAL"], key=self.said.group, value=json.dumps({
            "worker": self.said.name, "did": what, "offset": message.offset(),
            "delivery": message.delivery_count(),
        }))
        self.producer.flush()

    def end(self, *_: object) -> None:
        self.ended = True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name")
    parser.add_argument("--group", required=True)
    parser.add_argument("--spoiled", metavar="VALUE", help="what it cannot handle")
    said = parser.parse_args()
    if missing := [name for name in ("BOOTSTRAP", "TOPIC", "JOURNAL") if name not in os.environ]:
        parser.error(f"not set: {', '.join(missing)} (see the task)")
    worker = Worker(said)
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, worker.end)
    worker.run()


if __name__ == "__main__":
    main()
