"""The dashboards: written once, a file for each, for the lab's own page and for Grafana.

In a query `$datacenter` is an expression for names of datacenters, and `$rate` how far back a rate
looks.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.model import Lab


FOLDER = Path(__file__).resolve().parent / "dashboards"
KINDS = ("lines", "bars", "stat")
UNITS = ("short", "ops", "bytes", "Bps", "ms", "s", "percentunit")  # Grafana's names
LOOKS = 4  # a rate needs two samples, and bears that one is late


@dataclass(frozen=True)
class Query:
    """What Prometheus is asked. legend: a series' name, with {{label}} in it."""

    expr: str
    legend: str

    def concrete(self, *, datacenters: str = ".*", rate_s: int) -> str:
        """As Prometheus takes it."""
        return self.expr.replace("$datacenter", datacenters).replace("$rate", f"{rate_s}s")


@dataclass(frozen=True)
class Panel:
    """One picture. above, below: beyond these a value is bad. says: what to make of it."""

    title: str
    queries: tuple[Query, ...]
    unit: str
    kind: str = "lines"
    says: str = ""
    above: float | None = None
    below: float | None = None
    needs: str = ""


@dataclass(frozen=True)
class Dashboard:
    """A page of panels. needs: what a lab must have for it to tell anything."""

    name: str
    title: str
    place: int
    panels: tuple[Panel, ...]
    needs: str = ""


def rate_s(scrape_s: int) -> int:
    """How far back a rate looks, where nobody asks for longer."""
    return LOOKS * scrape_s


@cache
def every() -> tuple[Dashboard, ...]:
    """All dashboards, in order, with all that any lab may have."""
    found = (_read(path) for path in FOLDER.glob("*.toml"))
    return tuple(sorted(found, key=lambda one: one.place))


def _read(path: Path) -> Dashboard:
    table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    panels = tuple(
        Panel(**{**panel, "queries": tuple(Query(**one) for one in panel["queries"])})
        for panel in table.pop("panels")
    )
    return Dashboard(name=path.stem, panels=panels, **table)


def dashboards(lab: Lab, seen: frozenset[str]) -> tuple[Dashboard, ...]:
    """Those that tell something of a lab whose datacenters `seen` are looked at."""
    has = _has(lab, seen)
    return tuple(
        Dashboard(one.name, one.title, one.place, tuple(
            panel for panel in one.panels if has[panel.needs]
        ), one.needs)
        for one in every() if has[one.needs]
    )


def _has(lab: Lab, seen: frozenset[str]) -> Mapping[str, bool]:
    """What panels may need, and whether the lab has it."""
    agents, here = set(lab.monitoring.agents), [one for one in lab.datacenters if one.name in seen]
    return {
        "": True,
        "ensemble": "kafka" in agents and any(one.servers for one in here),
        "zookeeper": "zookeeper" in agents and any(one.servers for one in here),
        "quorum": bool({"kafka", "controller"} & agents) and any(one.quorum for one in here),
        "mirrors": "connect" in agents and any(one.target in seen for one in lab.mirrors),
    }


def as_json(found: tuple[Dashboard, ...]) -> list[dict[str, Any]]:
    """For the page."""
    return [{
        "name": one.name, "title": one.title, "panels": list(_panels(one)),
    } for one in found]


def _panels(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    for panel in dashboard.panels:
        yield {
            "title": panel.title, "kind": panel.kind, "unit": panel.unit, "says": panel.says,
            "above": panel.above, "below": panel.below,
            "queries": [{"expr": one.expr, "legend": one.legend} for one in panel.queries],
        }
