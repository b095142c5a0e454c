"""HTTP to a service of a host, through the host's SSH connection.

Services listen on their private addresses, so nobody but the lab's own hosts and whoever holds the
lab's key reaches them.
"""

from __future__ import annotations

import http.client
import json
from typing import Any

from lab.topology import Host
from scripts.errors import LabError, one_line
from scripts.hosts.fleet import Fleet

TIMEOUT = 30.0


class HttpError(LabError):
    """The service refused, or does not answer. `status` is HTTP's: 404 unknown, 5xx not ready.
    `answer`: what it said, decoded; None where it said nothing."""

    def __init__(
        self, status: int, what: str, *, where: str, service: str = "SERVICE", answer: Any = None
    ) -> None:
        self.status, self.answer = status, answer
        super().__init__(what, where=where, hint=f"see `fab logs HOST {service}`")


class _Socket:
    """A channel as http.client needs a socket: it is closed before what it sent has been read.

    A socket stays open for those who still read from it; a channel's rest would be lost.
    """

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self.sendall, self.makefile = channel.sendall, channel.makefile

    def close(self) -> None:
        """Nothing: the channel is closed when the answer has been read."""


class _Tunnelled(http.client.HTTPConnection):
    """An HTTP connection whose socket is a channel of an SSH connection."""

    def __init__(self, channel: Any, host: str, port: int, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self.sock = _Socket(channel)

    def connect(self) -> None:
        raise OSError("the channel is closed")


class Http:
    """Requests to one port of a host. `service` is what listens there, `timeout` s its patience."""

    def __init__(
        self, fleet: Fleet, host: Host, port: int, service: str, timeout: float = TIMEOUT
    ) -> None:
        self._fleet, self._host, self._port, self._service = fleet, host, port, service
        self._timeout = timeout

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        """The decoded JSON answer, its text where it is none, None where it is empty.

        Raises HttpError.
        """
        channel = self._fleet[self._host.name].open_channel(
            str(self._host.address), self._port, timeout=self._timeout
        )
        if channel is None:
            raise self._error(503, f"{self._service} does not listen yet")
        connection = _Tunnelled(channel, self._host.fqdn, self._port, self._timeout)
        try:
            data = None if body is None else json.dumps(body)
            headers = {"Content-Type": "application/json"} if data else {}
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise self._error(503, f"{method} {path}: {one_line(repr(error))}") from error
        finally:
            channel.close()
        decoded = _decode(text)
        if answer.status >= 400:
            said = _said(decoded) if isinstance(decoded, dict) else text
            raise HttpError(
                answer.status, f"{method} {path}: {answer.status} {one_line(said)}",
                where=self._host.name, service=self._service, answer=decoded,
            )
        return decoded

    def _error(self, status: int, what: str) -> HttpError:
        return HttpError(status, what, where=self._host.name, service=self._service)


def _said(answer: dict[str, Any]) -> str:
    """Why a service refuses: Connect's own words, or those of Elasticsearch and its like."""
    error = answer.get("error")
    reason = error.get("reason", "") if isinstance(error, dict) else ""
    return str(answer.get("message") or reason)


def _decode(text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else None
    except ValueError:
        return text
