"""The dashboards as Grafana reads them.

By Grafana's published schema of a dashboard (github.com/grafana/grafana-foundation-sdk); a test
holds them against it. Grafana itself has not been run with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lab.monitoring.dashboards import Dashboard, Panel, dashboards

if TYPE_CHECKING:
    from lab.model import Lab

SCHEMA = 38  # of Grafana 10; newer ones bring it up to their own
DATA_SOURCE = "kafkalab-prometheus"
SOURCE = {"type": "prometheus", "uid": "${source}"}
TYPES = {"lines": "timeseries", "bars": "bargauge", "stat": "stat"}
SIZES = {"lines": (12, 8), "bars": (8, 8), "stat": (4, 5)}  # of Grafana's 24 columns
COLUMNS = 24
RED, GREEN = "red", "green"


def grafana(lab: Lab, seen: frozenset[str]) -> dict[str, dict[str, Any]]:
    """Each dashboard of a lab by its name."""
    return {one.name: _dashboard(one, lab) for one in dashboards(lab, seen)}


def data_source(url: str) -> dict[str, Any]:
    """Where Grafana finds Prometheus, as it reads it at its start (provisioning)."""
    return {"apiVersion": 1, "datasources": [{
        "name": "kafkalab", "uid": DATA_SOURCE, "type": "prometheus", "access": "proxy", "url": url,
        "isDefault": True,
    }]}


def _dashboard(dashboard: Dashboard, lab: Lab) -> dict[str, Any]:
    return {
        "uid": f"kafkalab-{lab.name}-{dashboard.name}"[:40],
        "title": f"{lab.name}: {dashboard.title}",
        "tags": ["kafkalab"],
        "timezone": "browser",
        "editable": True,
        "graphTooltip": 1,
        "schemaVersion": SCHEMA,
        "refresh": "5s" if lab.monitoring.scrape_s <= 5 else f"{lab.monitoring.scrape_s}s",
        "time": {"from": "now-15m", "to": "now"},
        "templating": {"list": list(_variables())},
        "panels": list(_panels(dashboard)),
    }


def _variables() -> Iterator[dict[str, Any]]:
    yield {
        "name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus",
        "current": {"text": "kafkalab", "value": DATA_SOURCE},
    }
    yield {
        "name": "datacenter", "label": "datacenter", "type": "query", "datasource": SOURCE,
        "query": "label_values(up, datacenter)", "refresh": 2, "includeAll": True, "multi": True,
        "allValue": ".*", "current": {"text": "All", "value": "$__all"},
    }


def _panels(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    """One beside the other, as many as fit into a row."""
    x = y = height = 0
    for number, panel in enumerate(dashboard.panels, 1):
        width, tall = SIZES[panel.kind]
        if x + width > COLUMNS:
            x, y, height = 0, y + height, 0
        yield _panel(panel, number, {"x": x, "y": y, "w": width, "h": tall})
        x, height = x + width, max(height, tall)


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": TYPES[panel.kind],
        "title": panel.title,
        "description": panel.says,
        "datasource": SOURCE,
        "gridPos": place,
        "targets": [{
            "refId": "ABCDEF"[index], "datasource": SOURCE, "expr": query(one.expr),
            "legendFormat": one.legend, "instant": panel.kind != "lines",
            "range": panel.kind == "lines",
        } for index, one in enumerate(panel.queries)],
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, **_thresholds(panel)}, "overrides": [],
        },
        "options": _options(panel),
    }


def query(expr: str) -> str:
    """A query with Grafana's own name for how far back a rate looks."""
    return expr.replace("$rate", "$__rate_interval")


def _thresholds(panel: Panel) -> dict[str, Any]:
    """Red beyond what is good: a step begins at its value, so just above what is still good."""
    if panel.above is None and panel.below is None:
        return {"color": {"mode": "palette-classic"}}
    steps: list[dict[str, Any]] = [{"value": None, "color": GREEN if panel.below is None else RED}]
    if panel.below is not None:
        steps.append({"value": panel.below, "color": GREEN})
    if panel.above is not None:
        steps.append({"value": panel.above + 0.001, "color": RED})
    return {"color": {"mode": "thresholds"},
            "thresholds": {"mode": "absolute", "steps": steps}}


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "lines":
        return {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True,
                       "calcs": ["lastNotNull"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    if panel.kind == "bars":
        return {"displayMode": "basic", "orientation": "horizontal", "showUnfilled": True,
                "reduceOptions": reduced}
    return {"colorMode": "value", "graphMode": "none", "justifyMode": "auto",
            "orientation": "auto", "textMode": "auto", "reduceOptions": reduced}
