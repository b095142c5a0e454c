"""The brokers that a KRaft cluster has registered: one that is gone for good is taken out.

With ZooKeeper a broker's registration ends with its session. With KRaft it stays, fenced, until
somebody asks for its end (KIP-631, UnregisterBroker). The controller that leads is asked itself.
"""

from __future__ import annotations

import struct

from scripts.clients.quorum import Quorum
from scripts.errors import LabError, one_line

API, VERSION = 64, 0  # UnregisterBrokerRequest.json
CLIENT = b"kafkalab"
NOT_REGISTERED = 102  # org.apache.kafka.common.protocol.Errors
AGAIN = "see `fab status`, then run it again"


def unregister(quorum: Quorum, broker: int) -> None:
    """Take a broker out that has stopped; no error where it is not registered. Raises LabError."""
    leader = quorum.wait().leader
    host = next(one for one in quorum.hosts if one.name == leader)
    try:
        said = quorum.asked(host, question(broker))
        code = answered(said) if said is not None else None
    except (OSError, EOFError, struct.error) as error:
        raise LabError(f"the controller does not answer: {one_line(error)}", where=host.name,
                       hint=AGAIN) from error
    if code is None:
        raise LabError("the controller does not listen", where=host.name, hint=AGAIN)
    if code not in (0, NOT_REGISTERED):
        raise LabError(f"broker {broker} cannot be unregistered: error {code} of Kafka's protocol",
                       where=quorum.where, hint=AGAIN)


def question(broker: int) -> bytes:
    """A request for the end of a registration, with its length in front."""
    head = struct.pack(">hhih", API, VERSION, 1, len(CLIENT)) + CLIENT + b"\0"
    request = head + struct.pack(">i", broker) + b"\0"
    return struct.pack(">i", len(request)) + request


def answered(data: bytes) -> int:
    """The error of an answer; 0 for none. Before it stand the request's number, no tagged fields,
    and for how long it was held back."""
    code: int = struct.unpack_from(">ixih", data)[2]
    return code
