"""A Kafka cluster as the workstation sees it: Kafka's protocol, through the EXTERNAL listeners."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lab.counted import counted
from lab.endpoint import Endpoint
from scripts.errors import LabError, TimeoutExpired, one_line
from scripts.workstation.waiting import wait_until

if TYPE_CHECKING:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient, NewTopic

REQUEST_SECONDS = 5.0
MADE_SECONDS = 30.0  # until all brokers know a topic
FORGET_SECONDS = 15.0
ELECT_SECONDS = 30.0
FENCE_SECONDS = 10.0


@dataclass(frozen=True)
class View:
    """What one metadata answer says: brokers by id, the controller, partitions short of replicas.

    `under_replicated` names partitions as TOPIC-N; `replicas` are the brokers of each. `ports`:
    where each broker's listener is reached. `lacking`: the brokers that have a replica of those
    partitions and not all that is in them.
    """

    brokers: tuple[int, ...]
    controller: int
    under_replicated: tuple[str, ...]
    replicas: Mapping[str, tuple[int, ...]] = field(default_factory=dict, compare=False)
    ports: Mapping[int, int] = field(default_factory=dict, compare=False)
    lacking: Mapping[str, tuple[int, ...]] = field(default_factory=dict, compare=False)

    def on(self, broker: int) -> tuple[str, ...]:
        """The partitions that have a replica on a broker, Kafka's own topics last."""
        found = (name for name, ids in self.replicas.items() if broker in ids)
        return tuple(sorted(found, key=lambda name: (name.startswith("__"), name)))


class Cluster:
    """One datacenter's cluster, by where it is reached and the ids of its brokers."""

    def __init__(self, name: str, endpoint: Endpoint, brokers: tuple[int, ...]) -> None:
        self.name, self.endpoint, self.expected = name, endpoint, brokers
        self._making = threading.Lock()
        self._admin: AdminClient | None = None
        self._silent: AdminClient | None = None  # somebody may wait for its futures still

    @property
    def admin(self) -> AdminClient:
        """The client; kept for the life of this object, as its futures need it."""
        with self._making:
            if self._admin is None:
                self._admin = admin_client(self.endpoint)
            return self._admin

    def view(self, timeout: float = REQUEST_SECONDS) -> View:
        """One metadata request. Raises LabError when no broker answers within `timeout` s."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms

        try:
            metadata = self.admin.list_topics(timeout=timeout)
        except KafkaException as error:
            if silent(error):
                self._silent, self._admin = self._admin, None
            raise LabError(
                f"no broker answers at {self.endpoint.servers} ({one_line(error)})",
                where=self.name, hint="see `fab status`",
            ) from error
        return View(
            tuple(sorted(metadata.brokers)), metadata.controller_id, _short(metadata.topics),
            {f"{topic.topic}-{part.id}": tuple(part.replicas)
             for topic in metadata.topics.values() for part in topic.partitions.values()},
            {broker.id: broker.port for broker in metadata.brokers.values()},
            {f"{topic.topic}-{part.id}": tuple(sorted({*part.replicas} - {*part.isrs}))
             for topic in metadata.topics.values() for part in topic.partitions.values()
             if len(part.isrs) < len(part.replicas)},
        )

    def wait_healthy(self, timeout: float = 180, among: Collection[int] | None = None) -> View:
        """Wait until every broker (of `among`) is registered, and has all that is in its
        partitions."""
        last = "no answer"

        def healthy() -> View | None:
            nonlocal last
            try:
                view = self.view(timeout=2)
            except LabError as error:
                last = error.what
                return None
            last = describe(view, self.expected if among is None else tuple(among),
                            partly=among is not None)
            return None if last else view

        try:
            found: View = wait_until(healthy, timeout=timeout)
        except TimeoutExpired:
            raise TimeoutExpired(
                f"still not healthy after {timeout:g} s: {last}", where=self.name,
                hint="see `fab status` and `fab logs`, then run it again",
            ) from None
        return found


def describe(view: View, expected: tuple[int, ...], *, partly: bool = False) -> str:
    """What is wrong with a cluster, in words; "" when nothing is. `partly`: only what is wrong with
    the brokers that are `expected`."""
    missing = [str(broker) for broker in expected if broker not in view.brokers]
    if missing:
        return f"broker {', '.join(missing)} not registered"
    short = [name for name in view.under_replicated
             if not partly or {*expected} & {*view.lacking.get(name, ())}]
    if short:
        return f"{counted(len(short), 'partition')} under-replicated ({', '.join(short[:5])})"
    return ""


def client_settings(endpoint: Endpoint, **more: object) -> dict[str, Any]:
    """librdkafka settings of every client here: quick to retry, silent, IPv4 like the ports."""
    return {
        "bootstrap.servers": endpoint.servers,
        **endpoint.librdkafka,
        "broker.address.family": "v4",
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 500,
        "retry.backoff.ms": 50,
        "allow.auto.create.topics": False,
        "log_level": 0,
        "error_cb": lambda error: None,
        **more,
    }


def silent(error: KafkaException) -> bool:
    """Whether a broker that a client is connected to did not answer in time.

    Its host may be gone without a word. librdkafka asks the broker that it asked last, for a minute
    (socket.timeout.ms), also where others would answer; who wants to know more takes a new client.
    """
    from confluent_kafka import KafkaError  # noqa: PLC0415 - 50 ms

    return bool(error.args[0].code() == KafkaError._TIMED_OUT)


def unknown(error: Any) -> bool:
    """Whether a producer's error says no more than that nobody knows the topic for the moment, and
    the record was not sent. With ZooKeeper, a broker that has just started may tell clients so for
    a second or two; Java's producers ask again by themselves."""
    from confluent_kafka import KafkaError  # noqa: PLC0415 - 50 ms

    return error.code() in (KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)


def admin_client(endpoint: Endpoint, **more: object) -> AdminClient:
    """A client for requests. It has to be kept until they are answered."""
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415 - 50 ms

    return AdminClient(client_settings(endpoint, **more))


def keep_topic(
    endpoint: Endpoint, name: str, *, partitions: int, replication: tuple[int, int],
    config: Mapping[str, str], where: str,
) -> None:
    """Make one of the lab's own topics if it is missing. They are kept, because a topic that comes
    and goes makes every mirror rebalance.

    `replication`: factor and least in-sync replicas. Raises LabError.
    """
    from confluent_kafka.admin import NewTopic  # noqa: PLC0415 - 50 ms

    admin = admin_client(endpoint)
    if name in admin.list_topics(timeout=10).topics:
        return
    factor, insync = replication
    topic = NewTopic(name, partitions, factor, config={
        "min.insync.replicas": str(insync), **config,
    })
    make_topics(admin, [topic], where)


def make_topics(
    admin: AdminClient, topics: Sequence[NewTopic], where: str, **options: Any
) -> list[str]:
    """Make topics that nobody knows yet; which of them are there already. Raises LabError.

    That is no error: a client whose first request is answered late, or by nobody, sends it again,
    and so does a broker that hands it on to a controller of KRaft.
    """
    from confluent_kafka import KafkaError  # noqa: PLC0415 - 50 ms

    return settle(
        admin.create_topics(list(topics), operation_timeout=MADE_SECONDS, **options), where,
        but=(KafkaError.TOPIC_ALREADY_EXISTS,),
    )


def settle(futures: Mapping[Any, Any], where: str, *, but: Collection[int] = ()) -> list[Any]:
    """Wait for the answers of an admin request; the first error as a LabError. `but`: the codes of
    those that are none; which had one of these."""
    found = []
    for name, future in futures.items():
        error = future.exception(timeout=60)
        if error is None:
            continue
        if not but or error.args[0].code() not in but:
            raise LabError(f"{name}: {one_line(error)}", where=where) from error
        found.append(name)
    return found


def spread_leaders(endpoint: Endpoint, *, where: str) -> None:
    """Make the preferred replica of each partition its leader, as the brokers would do themselves a
    few minutes later. Raises LabError when no broker answers.

    After a broker or a datacenter was away, one broker may lead all partitions, and measurements
    would depend on that.
    """
    from confluent_kafka import ElectionType, KafkaException  # noqa: PLC0415 - 50 ms

    # `elect_leaders` of confluent-kafka takes no time limit of its own (a SystemError).
    admin = admin_client(endpoint, **{"socket.timeout.ms": int(ELECT_SECONDS * 1000)})
    try:
        # A partition that cannot be moved (its preferred replica is not in sync) stays where it is.
        admin.elect_leaders(ElectionType.PREFERRED, None).result(ELECT_SECONDS * 2)
    except KafkaException as error:
        raise LabError(
            f"leaders cannot be elected: {one_line(error)}", where=where,
            hint="see `fab status`",
        ) from error


def end_transaction(endpoint: Endpoint, name: str) -> None:
    """Abort the open transaction of a transactional id, whose producer may not go on; no error if
    there is none or the cluster does not answer."""
    from confluent_kafka import KafkaException, Producer  # noqa: PLC0415 - 50 ms

    producer = Producer(client_settings(endpoint, **{"transactional.id": name}))
    with suppress(KafkaException):
        producer.init_transactions(FENCE_SECONDS)


def forget_group(endpoint: Endpoint, group: str) -> None:
    """Delete a group; no error if it does not exist or its cluster does not answer."""
    admin = admin_client(endpoint)
    # The request has to end before the wait for its future does, which would raise.
    futures = admin.delete_consumer_groups([group], request_timeout=FORGET_SECONDS)
    for future in futures.values():
        future.exception(timeout=FORGET_SECONDS * 2)


def _short(topics: Any) -> tuple[str, ...]:
    return tuple(
        f"{topic.topic}-{partition.id}"
        for topic in topics.values()
        for partition in topic.partitions.values()
        if len(partition.isrs) < len(partition.replicas)
    )
