"""Kafka Connect's REST API, through the SSH connection of a worker's host.

The API listens on the private address only, so nobody but the lab's own hosts and whoever holds
the lab's key reaches it.
"""

from __future__ import annotations

import http.client
import json
from typing import Any

from lab.topology import CONNECT_PORT, Host
from scripts.errors import LabError
from scripts.hosts.fleet import Fleet

TIMEOUT = 30.0


class RestError(LabError):
    """Connect refused. `status` is HTTP's: 404 unknown, 409 rebalancing, 5xx not ready."""

    def __init__(self, status: int, what: str, *, where: str) -> None:
        self.status = status
        super().__init__(what, where=where, hint="see `fab logs HOST connect`")


class _Tunnelled(http.client.HTTPConnection):
    """An HTTP connection whose socket is a channel of an SSH connection."""

    def __init__(self, channel: Any, host: str) -> None:
        super().__init__(host, CONNECT_PORT, timeout=TIMEOUT)
        self.sock = channel

    def connect(self) -> None:
        raise OSError("the channel is closed")


class Rest:
    """Requests to one worker; any worker answers for its whole group."""

    def __init__(self, fleet: Fleet, host: Host) -> None:
        self._fleet, self._host = fleet, host

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        """The decoded JSON answer, None where there is none. Raises RestError."""
        name = self._host.name
        channel = self._fleet[name].open_channel(
            str(self._host.address), CONNECT_PORT, timeout=TIMEOUT
        )
        if channel is None:
            raise RestError(503, "Kafka Connect does not listen yet", where=name)
        connection = _Tunnelled(channel, self._host.fqdn)
        try:
            data = None if body is None else json.dumps(body)
            headers = {"Content-Type": "application/json"} if data else {}
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise RestError(503, f"{method} {path}: {error!r}", where=name) from error
        finally:
            channel.close()
        decoded = _decode(text)
        if answer.status >= 400:
            said = decoded.get("message", "") if isinstance(decoded, dict) else text[:200]
            raise RestError(
                answer.status, f"{method} {path}: {answer.status} {said}", where=name
            )
        return decoded


def _decode(text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else None
    except ValueError:
        return text
