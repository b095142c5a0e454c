"""One member of a consumer group, which tells what it is given and what is taken from it.

    python member.py NAME --group GROUP [--strategy range] [--static] [--busy SECONDS]
    python member.py NAME --group GROUP --protocol consumer [--busy SECONDS]

It prints every event with its time, and writes it into a topic, the journal. Ctrl-C ends it.
With --busy it takes so long for the first record that it gets, and does not poll meanwhile.
BOOTSTRAP, TOPICS (A,B) and JOURNAL come from the environment.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import time
from datetime import datetime
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

SESSION_MS = 20_000
STRATEGIES = ("range", "roundrobin", "cooperative-sticky")
UNIFORM = "uniform"  # the broker's own, with the protocol of KIP-848


def brokers() -> dict[str, str]:
    """Where brokers are, and what they ask for where they are closed, which the file CLIENT has."""
    settings = {"bootstrap.servers": os.environ["BOOTSTRAP"]}
    if os.environ.get("CLIENT"):
        settings |= json.loads(Path(os.environ["CLIENT"]).read_text())
    return settings


class Member:
    """`tell` is called with an event and the partitions that it is about."""

    def __init__(self, said: argparse.Namespace) -> None:
        self.said, self.ended = said, False
        there = brokers()
        self.journal = os.environ["JOURNAL"]
        make(AdminClient(there), self.journal)
        self.producer = Producer({**there, "linger.ms": 0})
        self.consumer = Consumer({
            **there,
            "group.id": said.group,
            "client.id": said.name,
            **protocol(said),
            # A member with an id of its own is the same one when it comes back before its session
            # ends (KIP-345).
            **({"group.instance.id": said.name} if said.static else {}),
            "auto.offset.reset": "earliest",
        })

    def tell(self, event: str, partitions: list[TopicPartition] | None = None) -> None:
        places = sorted(f"{one.topic}-{one.partition}" for one in partitions or ())
        if partitions is not None and not places:
            return  # given nothing, or nothing taken
        now = datetime.now().strftime("%H:%M:%S.%f")[:-3]
        print(now, self.said.name, event, *places, flush=True)
        self.producer.produce(self.journal, key=self.said.group, value=json.dumps({
            "member": self.said.name, "event": event, "partitions": places,
            "strategy": self.said.strategy, "static": self.said.static,
        }))
        self.producer.flush()

    def run(self) -> None:
        self.tell("started")
        self.consumer.subscribe(
            os.environ["TOPICS"].split(","),
            on_assign=lambda _, partitions: self.tell("assigned", partitions),
            on_revoke=lambda _, partitions: self.tell("revoked", partitions),
        )
        while not self.ended:
            message = self.consumer.poll(0.2)
            if message and (error := message.error()) and not error.retriable():
                raise SystemExit(f"error: {error}")
            if message and not message.error() and self.said.busy:
                self.handle()
        self.tell("ended")
        self.consumer.close()

    def handle(self) -> None:
        """Do a record's work, which takes its time, once."""
        self.tell("busy")
        time.sleep(self.said.busy)
        self.said.busy = 0
        self.tell("free")

    def end(self, *_: object) -> None:
        self.ended = True


def protocol(said: argparse.Namespace) -> dict[str, object]:
    """Who divides the partitions: a member, by the strategy of all of them; or the broker."""
    if said.protocol == "consumer":  # when a session ends is the broker's to say, too
        return {"group.protocol": "consumer", "group.remote.assignor": UNIFORM}
    return {"partition.assignment.strategy": said.strategy, "session.timeout.ms": SESSION_MS}


def make(admin: AdminClient, topic: str) -> None:
    """Make a topic of one partition, if there is none."""
    (future,) = admin.create_topics([NewTopic(topic, 1, -1)]).values()
    try:
        future.result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise SystemExit(f"error: {topic}: {error.args[0].str()}") from None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name")
    parser.add_argument("--group", required=True)
    parser.add_argument("--protocol", choices=("classic", "consumer"), default="classic")
    parser.add_argument("--strategy", choices=STRATEGIES, help="range; not with consumer")
    parser.add_argument("--static", action="store_true", help="with a group.instance.id")
    parser.add_argument("--busy", type=float, default=0, metavar="SECONDS")
    said = parser.parse_args()
    if said.strategy and said.protocol == "consumer":
        parser.error("--strategy: with --protocol consumer the broker divides")
    said.strategy = said.strategy or (UNIFORM if said.protocol == "consumer" else "range")
    if missing := [name for name in ("BOOTSTRAP", "TOPICS", "JOURNAL") if name not in os.environ]:
        parser.error(f"not set: {', '.join(missing)} (see the task)")
    member = Member(said)
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, member.end)
    member.run()


if __name__ == "__main__":
    main()
