"""A broker's listener asked by hand: whether it answers, to whom, and with what certificate.

With sockets of Python's own: a client of Kafka's tries again and again, and tells of it late.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable

from lab.listeners import Issued, Kind
from scripts.errors import one_line

SECONDS = 5.0
VERSIONS = struct.pack(">hhih", 18, 0, 1, -1)  # what every broker answers to anybody: ApiVersions
MOST = 1 << 20
Address = tuple[str, int]


def trusting(file: str, key: str = "") -> ssl.SSLContext:
    """What accepts whom the authority in `file` has signed, under the name that is asked for, and
    shows its own certificate, if it has a `key`."""
    trust = ssl.create_default_context(cafile=file)
    if key:
        trust.load_cert_chain(key)
    return trust


def own(kind: Kind, issued: Issued) -> ssl.SSLContext:
    """What the lab's own clients believe and show at a listener."""
    return trusting(issued.ca_path, issued.client_path if kind.asks else "")


def strangers() -> ssl.SSLContext:
    """What accepts whom the world's own authorities have signed."""
    return ssl.create_default_context()


def refusal(
    address: Address, trust: ssl.SSLContext | None = None,
    ask: Callable[[socket.socket], str] | None = None,
) -> str:
    """In what way a listener does not answer a client of Kafka's; "" where it does. `trust`: the
    client speaks TLS, and whom it believes. `ask`: what it asks, and how that is refused."""
    ask = ask or _asked
    try:
        with socket.create_connection(address, SECONDS) as plain:
            if trust is None:
                return ask(plain)
            with trust.wrap_socket(plain, server_hostname=address[0]) as closed:
                return ask(closed)
    except ssl.SSLCertVerificationError as error:
        return f"the certificate is not believed: {one_line(error.verify_message)}"
    except ssl.SSLError as error:
        reason = one_line(error.reason or str(error)).lower().replace("_", " ")
        return f"refused by TLS ({reason})"
    except TimeoutError:
        return f"no answer within {SECONDS:g} s"
    except OSError as error:
        return one_line(error.strerror or str(error)).lower()


def _asked(there: socket.socket) -> str:
    there.sendall(struct.pack(">i", len(VERSIONS)) + VERSIONS)
    head = _received(there, 8)
    if len(head) < 8:
        return "the connection was closed"
    size, number = struct.unpack(">ii", head)
    if number != 1 or not 4 <= size <= MOST:
        return "the answer is not Kafka's"
    return ""


def _received(there: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (part := there.recv(count - len(data))):
        data += part
    return data


def certificate(address: Address) -> str:
    """The certificate that a listener shows, as PEM, whoever signed it. Raises OSError."""
    return ssl.get_server_certificate(address, timeout=SECONDS)


def doubtful(address: Address, trust: ssl.SSLContext) -> bool:
    """Whether a listener answers with a certificate that `trust` does not believe: it has ended, is
    another's, or lacks the name. False where nothing answers, or not with TLS."""
    try:
        with socket.create_connection(address, SECONDS) as plain:
            trust.wrap_socket(plain, server_hostname=address[0]).close()
    except ssl.SSLCertVerificationError:
        return True
    except OSError:
        pass
    return False
