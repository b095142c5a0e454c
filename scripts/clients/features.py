"""The features of a KRaft cluster that are finalised (KIP-584): what levels they have, and to raise
them.

Who has them is asked as the quorum is, each controller through its SSH connection: also where no
broker runs, and without a client library, which every run would have to load.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lab.endpoint import Endpoint
from scripts.errors import LabError, one_line

if TYPE_CHECKING:
    from scripts.clients.quorum import Quorum, Reader

API, VERSION = 18, 3  # ApiVersionsRequest.json
EPOCH, FINALIZED = 1, 2  # tags in ApiVersionsResponse.json
CLIENT = b"kafkalab"
REQUEST_MS = 60_000


def levels(quorum: Quorum) -> dict[str, int] | None:
    """The levels of features that are finalised, by the controller that knows the latest; None
    where none answers."""
    hosts = {host.name: host for host in quorum.hosts if host.name in quorum.fleet.hosts}

    def one(name: str) -> tuple[int, dict[str, int]] | None:
        try:
            said = quorum.asked(hosts[name], question())
            return None if said is None else answered(said)
        except (LabError, OSError, EOFError, struct.error):
            return None

    found = [one for one in quorum.fleet.each(one, hosts).values() if one and one[0] >= 0]
    return max(found, key=lambda one: one[0])[1] if found else None


def raise_levels(endpoint: Endpoint, wanted: Mapping[str, int], where: str) -> None:
    """Finalise features at these levels, all or none. Raises LabError, also with Kafka's own reason
    where a broker or a controller does not know them."""
    from scripts.clients.brokers import Client, unanswered  # noqa: PLC0415 - once a release

    client = Client(endpoint, request_ms=REQUEST_MS)
    try:
        found = client.ask(lambda admin: admin.update_features(dict(wanted)))
    except unanswered() as error:
        raise LabError(f"its features are not finalised: {one_line(error)}", where=where,
                       hint="see `fab status`, then run it again") from error
    finally:
        client.close()
    for name, said in found.items():
        if said != "OK":
            raise LabError(f"{name} is not finalised: {said}", where=where, hint="see `fab status`")


def question() -> bytes:
    """A request for what a node knows, with its length in front."""
    text = bytes([len(CLIENT) + 1]) + CLIENT
    head = struct.pack(">hhih", API, VERSION, 1, len(CLIENT)) + CLIENT + b"\0"
    request = head + text + text + b"\0"
    return struct.pack(">i", len(request)) + request


def answered(data: bytes) -> tuple[int, dict[str, int]] | None:
    """The epoch of what is finalised, which grows, and the levels; None where the answer is an
    error. The epoch is -1 where the node does not know yet."""
    from scripts.clients.quorum import Reader  # noqa: PLC0415 - with ZooKeeper nobody answers

    reader = Reader(data)
    reader.take(">i")  # the request's number
    if reader.take(">h"):
        return None
    reader.array(lambda one: one.take_all(">hhh"))  # the requests that it takes
    reader.take(">i")  # for how long it wants to be left alone
    epoch, found = -1, {}
    for _ in range(reader.varint()):
        tag, size = reader.varint(), reader.varint()
        inner = Reader(reader.bytes(size))
        if tag == EPOCH:
            epoch = inner.take(">q")
        elif tag == FINALIZED:
            found = dict(inner.array(_feature))
    return epoch, found


def _feature(reader: Reader) -> tuple[str, int]:
    name = reader.bytes(reader.varint() - 1).decode()
    most, _ = reader.take_all(">hh")
    return name, int(most)
