"""Requests to single brokers, which librdkafka has not, or sends to whom it chooses itself.

They are also what is asked again and again while brokers die. librdkafka ends the whole program
(an assertion) where a group's coordinator comes back just as the request to it times out.
"""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from lab.endpoint import Endpoint

T = TypeVar("T")
CONNECT_MS, REQUEST_MS = 2000, 3000
BACKOFF_MS = 500  # how long a broker that was gone is not tried, at most
# Names of settings that kafka-python has others for; in the rest it writes _ for a dot.
NAMES = {
    "sasl.username": "sasl_plain_username", "sasl.password": "sasl_plain_password",
    "ssl.ca.location": "ssl_cafile", "ssl.certificate.location": "ssl_certfile",
    "ssl.key.location": "ssl_keyfile", "ssl.key.password": "ssl_password",
}


_READING = threading.Lock()


def read_library() -> None:
    """Read kafka-python (0.3 s), once. Its modules import each other in circles: threads that begin
    with different ones would wait for each other."""
    with _READING:
        for name in ("admin", "errors", "protocol.admin", "protocol.consumer.metadata"):
            importlib.import_module(f"kafka.{name}")


class Client:
    """kafka-python's client of one cluster, made when it is asked for the first time, and anew
    after it failed. Keeps connections: `close` it."""

    def __init__(self, endpoint: Endpoint, *, request_ms: int = REQUEST_MS) -> None:
        self._endpoint, self._request_ms = endpoint, request_ms
        self._admin: Any = None

    def close(self) -> None:
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    def ask(self, request: Callable[[Any], T]) -> T:
        """What `request` gets from the client. Raises what that raises: of a cluster that does not
        answer one of `unanswered()`."""
        read_library()
        try:
            if self._admin is None:
                self._admin = python_admin(self._endpoint, request_ms=self._request_ms)
            return request(self._admin)
        except Exception:
            self.close()
            raise


def log_dirs(admin: Any, brokers: Iterable[int] | None = None) -> list[dict[str, Any]]:
    """What brokers (None: all that the client knows) have on their disks, as kafka-python tells it.

    Each is asked for itself: kafka-python asks all of them in the version of the first, and one of
    an older release hangs up.
    """
    if brokers is None:
        brokers = [one.node_id for one in admin._manager.cluster.brokers()]
    return [one for broker in sorted(brokers) for one in admin.describe_log_dirs(brokers=[broker])]


def unanswered() -> tuple[type[Exception], ...]:
    """What kafka-python raises where nobody answers."""
    read_library()
    from kafka.errors import KafkaError  # noqa: PLC0415 - 0.2 s

    return KafkaError, OSError, TimeoutError


class Brokers:
    """The brokers of one cluster, each by its id. Keeps connections: `close` it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._client = Client(endpoint)

    def close(self) -> None:
        self._client.close()

    def ids(self) -> list[int]:
        """The brokers that the cluster tells of; none where nobody answers."""
        try:
            found = self._client.ask(lambda admin: admin.describe_cluster()["brokers"])
        except unanswered():
            return []
        return sorted(one["broker_id"] for one in found if not one.get("is_fenced"))

    def ask(self, requests: Iterable[tuple[int, Any]]) -> list[Any]:
        """The answers to some requests, each to a broker; None of those that do not answer in time.
        All are sent at once."""
        requests = list(requests)
        if not requests:
            return []

        def send(admin: Any) -> list[Any]:
            found: list[Any] = admin._manager.run(_answers, admin._manager, requests)
            return found

        try:
            found = self._client.ask(send)
        except unanswered():
            return [None] * len(requests)
        if all(one is None for one in found):  # it may know brokers where they are no more
            self.close()
        return found


async def _answers(manager: Any, requests: Sequence[tuple[int, Any]]) -> list[Any]:
    from kafka.errors import KafkaError, UnknownBrokerIdError  # noqa: PLC0415 - 0.2 s

    sent: list[Any] = []
    for broker, request in requests:
        try:
            sent.append(manager.send(request, broker, REQUEST_MS))
        except UnknownBrokerIdError:  # it was gone when the client looked last
            manager.cluster.request_update()
            sent.append(None)
    found = []
    for one in sent:
        try:
            found.append(None if one is None else await one)
        except (KafkaError, OSError):
            found.append(None)
    return found


def python_admin(endpoint: Endpoint, *, request_ms: int = REQUEST_MS) -> Any:
    """A client of kafka-python; `request_ms`: how long an answer may take. Raises what that
    raises."""
    from kafka.admin import KafkaAdminClient  # noqa: PLC0415 - 0.2 s
    from kafka.net.compat import KafkaNetClient  # noqa: PLC0415 - 0.2 s

    # It tells on standard error of each broker that does not answer, unless somebody listens.
    quiet = logging.getLogger("kafka")
    quiet.propagate = False
    if not quiet.handlers:
        quiet.addHandler(logging.NullHandler())
    return KafkaAdminClient(
        bootstrap_servers=endpoint.servers.split(","), bootstrap_timeout_ms=CONNECT_MS,
        request_timeout_ms=request_ms, reconnect_backoff_max_ms=BACKOFF_MS,
        # A host that is gone refuses nobody: one would wait for it for 10 s, and later for 30.
        kafka_client=partial(KafkaNetClient, socket_connection_setup_timeout_ms=CONNECT_MS,
                             socket_connection_setup_timeout_max_ms=CONNECT_MS),
        **{NAMES.get(name, name.replace(".", "_")): value
           for name, value in endpoint.librdkafka.items()},
    )
