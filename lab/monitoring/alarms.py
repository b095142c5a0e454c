"""What Prometheus says of alerts, for people and programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

FIRING, PENDING = "firing", "pending"
OWN = ("alertname", "severity")  # labels that are told apart from the others
# Where it is, in the order in which one says it; what else there is follows.
PLACES = ("datacenter", "instance", "mirror", "consumergroup", "topic", "mountpoint", "job")


@dataclass(frozen=True)
class Alarm:
    """One alert that fires, or has not lasted long enough (PENDING). since: ISO 8601, UTC.

    silenced: somebody told Alertmanager to tell nobody of it.
    """

    name: str
    state: str
    severity: str
    labels: Mapping[str, str]
    says: str
    since: str
    silenced: bool = False

    @property
    def where(self) -> str:
        """Its labels in words: "dc1 student-dc1-kafka02"."""
        known = [self.labels[key] for key in PLACES if key in self.labels]
        return " ".join(known)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "state": self.state, "severity": self.severity,
            "labels": dict(sorted(self.labels.items())), "says": self.says, "since": self.since,
            "silenced": self.silenced,
        }


def alarms(told: Iterable[Mapping[str, Any]], silenced: Iterable[Mapping[str, str]]) -> list[Alarm]:
    """What Prometheus tells (`/api/v1/alerts`), those that fire first. silenced: the labels of
    those that Alertmanager keeps to itself; it has all of an alert's labels, and the lab's."""
    quiet = [set(labels.items()) for labels in silenced]
    found = [
        Alarm(
            name=one["labels"]["alertname"], state=one["state"],
            severity=one["labels"].get("severity", ""),
            labels={k: v for k, v in one["labels"].items() if k not in OWN},
            says=one["annotations"].get("summary", ""), since=f"{one['activeAt'][:19]}Z",
            silenced=any(set(one["labels"].items()) <= labels for labels in quiet),
        )
        for one in told
    ]
    return sorted(found, key=lambda one: (one.state != FIRING, one.name, one.where))
