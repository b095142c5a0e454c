"""The dashboards: what is in each, and what becomes of it for the page and for Grafana."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard as GrafanaDashboard

from lab.file import parse
from lab.model import Lab
from lab.monitoring.dashboards import KINDS, UNITS, Dashboard, dashboards, every
from lab.monitoring.grafana import data_source, grafana, query
from lab.monitoring.page import page
from lab.services.monitored import seen

# Labels that a query's result may have, where it does not say by which it sums.
PANELS = [(one, panel) for one in every() for panel in one.panels]


def a_lab(**sections: Any) -> Lab:
    return parse({
        "owner": "ann", "name": "mine",
        "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24"},
                        {"name": "dc2", "cidr": "10.2.0.0/24", "version": "4.3.1",
                         "metadata": "kraft"}],
        "links": [{"between": ["dc1", "dc2"]}], "mirrors": [{"from": "dc1", "to": "dc2"}],
        "monitoring": {"enabled": True}, **sections,
    }).lab


def names(found: tuple[Dashboard, ...]) -> list[str]:
    return [one.name for one in found]


def test_there_are_six_in_order() -> None:
    lab = a_lab()
    assert names(dashboards(lab, seen(lab))) == [
        "cluster", "broker", "topic", "group", "mirror", "host"]
    assert dashboards(lab, seen(lab))[4].panels[0].title == "Records behind", "lag first"


def test_what_a_lab_has_not_is_not_shown() -> None:
    lab = a_lab(mirrors=[], links=[])
    found = dashboards(lab, seen(lab))
    assert "mirror" not in names(found)
    assert not any("raft" in one.expr for d in found for p in d.panels for one in p.queries)
    assert not any("zookeeper_" in one.expr for d in found for p in d.panels for one in p.queries)


@pytest.mark.parametrize(("dashboard", "panel"), PANELS,
                         ids=[f"{one.name}-{panel.title}" for one, panel in PANELS])
def test_a_panel_is_whole(dashboard: Dashboard, panel: Any) -> None:
    assert panel.kind in KINDS and panel.unit in UNITS
    for one in panel.queries:
        assert "$datacenter" in one.expr, "it can be narrowed to a datacenter"
        assert not re.search(r"\[(?!\$rate\])", one.expr), "rates look back as far as all do"
        assert one.expr.count("(") == one.expr.count(")")
        assert "$" not in one.concrete(rate_s=60)
        shown = re.findall(r"\{\{(\w+)\}\}", one.legend)
        grouped = re.match(r"(?:sum|max|count|avg) by \((.+?)\) \(", one.expr)
        if grouped:
            assert set(shown) <= set(grouped[1].split(", ")), one.legend


def test_titles_are_told_apart() -> None:
    for one in every():
        titles = [panel.title for panel in one.panels]
        assert len(titles) == len(set(titles))


def test_the_page_has_all_of_it_and_cannot_be_broken_out_of() -> None:
    lab = a_lab()
    text = page(lab, seen(lab))
    data = json.loads(re.search(r'type="application/json">(.*?)</script>', text, re.S)[1])  # type: ignore[index]
    assert data["datacenters"] == ["dc1", "dc2"] and data["scrape"] == 15 and data["rate"] == 60
    assert [one["name"] for one in data["dashboards"]] == names(dashboards(lab, seen(lab)))
    assert text.count("<script") == text.count("</script>") == 2
    assert "{{" not in re.sub(r"<script.*?</script>", "", text, flags=re.S)
    assert "import " not in text and "\nexport " not in text


def lost(ours: Any, theirs: Any, way: str = "") -> list[str]:
    """What of ours is not in theirs, or is there as something else."""
    if isinstance(ours, dict):
        return [text for key, value in ours.items() for text in (
            lost(value, theirs[key], f"{way}.{key}") if key in theirs
            else [] if value is None else [f"{way}.{key}"]
        )]
    if isinstance(ours, list):
        if len(ours) != len(theirs):
            return [way]
        return [text for index, one in enumerate(ours)
                for text in lost(one, theirs[index], f"{way}[{index}]")]
    return [] if ours == theirs else [f"{way}: {ours!r} is {theirs!r}"]


@pytest.mark.parametrize("name", [one.name for one in every()])
def test_it_is_what_grafana_publishes_of_a_dashboard(name: str) -> None:
    """Read into Grafana's own types and written again, nothing is lost: each key is one that they
    know, where it stands, and each value is one that they accept."""
    lab = a_lab(monitoring={"enabled": True, "agents": ["kafka", "controller", "zookeeper",
                                                        "connect"]})
    ours = grafana(lab, seen(lab))[name]
    read = GrafanaDashboard.from_json(json.loads(json.dumps(ours)))
    again = json.loads(JSONEncoder(sort_keys=True).encode(read))
    assert lost(ours, again) == []


def test_a_key_that_grafana_does_not_know_would_be_found() -> None:
    lab = a_lab()
    ours = grafana(lab, seen(lab))["cluster"]
    ours["panels"][0]["titel"] = "a slip"
    read = GrafanaDashboard.from_json(json.loads(json.dumps(ours)))
    assert lost(ours, json.loads(JSONEncoder().encode(read))) == [".panels[0].titel"]


def test_panels_of_grafana_lie_beside_each_other_and_in_the_columns() -> None:
    lab = a_lab()
    for one in grafana(lab, seen(lab)).values():
        places = [panel["gridPos"] for panel in one["panels"]]
        taken = [(x, y) for at in places for x in range(at["x"], at["x"] + at["w"])
                 for y in range(at["y"], at["y"] + at["h"])]
        assert len(taken) == len(set(taken)), "none covers another"
        assert max(x for x, _ in taken) < 24
        assert len({panel["id"] for panel in one["panels"]}) == len(places)


def test_grafana_has_its_own_name_for_how_far_a_rate_looks() -> None:
    assert query("rate(a[$rate])") == "rate(a[$__rate_interval])"
    assert data_source("http://x")["datasources"][0]["url"] == "http://x"
