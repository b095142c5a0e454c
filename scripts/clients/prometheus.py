"""Prometheus and Alertmanager over HTTP: what is seen, by whom, and what is wrong.

https://prometheus.io/docs/prometheus/latest/querying/api/, and Alertmanager's own API, version 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode

from lab.monitoring.alarms import Alarm, alarms
from scripts.clients.http import Http
from scripts.errors import LabError


class Asked(NamedTuple):
    """One target: what it tells of, of which datacenter, on which host."""

    job: str
    datacenter: str
    instance: str

    def __str__(self) -> str:
        return f"{self.job} of {self.instance}"


@dataclass(frozen=True)
class Sample:
    """One value, and of what it is."""

    labels: Mapping[str, str]
    value: float

    @property
    def target(self) -> Asked:
        return Asked(*(self.labels.get(name, "") for name in Asked._fields))


class Prometheus:
    """One server."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def query(self, expression: str) -> list[Sample]:
        """What an expression is now. Raises HttpError."""
        found = self._get(f"query?{urlencode({'query': expression})}")["result"]
        return [Sample(one["metric"], float(one["value"][1])) for one in found]

    def ages(self) -> dict[Asked, float]:
        """How many seconds ago each target that answered then was asked. Raises HttpError."""
        up = {one.target for one in self.query("up == 1")}
        return {one.target: one.value for one in self.query("time() - timestamp(up)")
                if one.target in up}

    def reasons(self) -> dict[Asked, str]:
        """Why targets do not answer, in Prometheus' own words. Raises HttpError."""
        return {
            Sample(one["labels"], 0).target: one["lastError"]
            for one in self._get("targets?state=active")["activeTargets"] if one["lastError"]
        }

    def alerts(self) -> list[dict[str, Any]]:
        """As it tells them. Raises HttpError."""
        return list(self._get("alerts")["alerts"])

    def _get(self, path: str) -> Any:
        answer = self._http("GET", f"/api/v1/{path}")
        if not isinstance(answer, dict) or answer.get("status") != "success":
            raise LabError(f"Prometheus answers {path.partition('?')[0]} in no known way")
        return answer["data"]


def alarms_of(prometheus: Prometheus, alertmanager: Http) -> list[Alarm]:
    """The alerts of a lab, and which of them somebody has silenced. Raises HttpError where one of
    the two does not answer."""
    held = alertmanager("GET", "/api/v2/alerts?active=false&inhibited=false&silenced=true")
    return alarms(prometheus.alerts(), [one["labels"] for one in held or ()])
