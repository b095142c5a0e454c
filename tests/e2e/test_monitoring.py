"""A monitored lab: whom Prometheus hears, what its pictures are made of, and when it is alarmed."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bench.browser import browser
from lab.monitoring.dashboards import dashboards, rate_s
from lab.monitoring.grafana import grafana
from lab.services import alertmanager, prometheus
from lab.services.monitored import seen
from lab.topology import Host
from tests.e2e.clients import Client
from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import Lab, until

pytestmark = [pytest.mark.host, pytest.mark.area("integrations")]

TOPIC, LONELY, GROUP = "watched", "lonely", "watchers"
SECONDS = 40  # for anything that is looked at every second


@pytest.fixture(scope="module")
def lab(make_lasting: MakeLab) -> Lab:
    """Two datacenters, one of each kind, mirrored, and all that can be asked is."""
    lab = make_lasting(
        "watched", first=200, port_base=12250, links=[("dc1", "dc2")],
        datacenters=({"control": 1, "zookeeper": 1, "kafka": 2},
                     {"control": 1, "kafka": 1, "combined": 1, "metadata": "kraft"}),
        mirrors=[{"from": "dc1", "to": "dc2"}],
        topics=[
            {"name": TOPIC, "partitions": 3, "replicas": 2, "datacenters": ["dc1"],
             "config": {"min.insync.replicas": "2"}},
            {"name": LONELY, "partitions": 4, "replicas": 1, "datacenters": ["dc1"]},
        ],
        sections={
            "monitoring": {
                "enabled": True, "scrape_s": 1, "lag_records": 100, "disk_free_percent": 1,
                "agents": ["kafka", "controller", "zookeeper", "connect"],
            },
            "mirroring": {"stall_s": 5},
        },
    )
    lab.fab("up")
    return lab


def address(lab: Lab, *, of: str = "dashboards") -> str:
    return str(lab.fab("monitor", "--json").json[of])


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def value(base: str, expression: str) -> list[dict[str, Any]]:
    asked = urllib.parse.urlencode({"query": expression})
    return list(get(f"{base}/api/v1/query?{asked}")["data"]["result"])


def firing(lab: Lab) -> list[dict[str, Any]]:
    found = lab.fab("alerts", "--json", expect=None).json
    alerts = [one for one in found["alerts"] if one["state"] == "firing"]
    assert found["firing"] == bool(alerts)
    return alerts


def fires(lab: Lab, name: str, **labels: str) -> bool:
    return any(one["name"] == name and labels.items() <= one["labels"].items()
               for one in firing(lab))


def calm(lab: Lab) -> None:
    until(lambda: not firing(lab), "no alert fires", SECONDS, pause=0.5)


@contextmanager
def stopped(lab: Lab, host: Host, unit: str) -> Iterator[None]:
    """A service dies and stays away."""
    lab.inside(host, f"systemctl kill --kill-whom=all --signal=KILL {unit}; systemctl stop {unit}")
    try:
        yield
    finally:
        lab.inside(host, f"systemctl start {unit}")


def test_a_fresh_lab_is_heard_whole_and_calm(lab: Lab) -> None:
    run = lab.fab("verify")
    assert "targets scraped, each within 4 s" in run.out
    (place, other) = lab.fab("status", "--json").json["datacenters"]
    assert place["prometheus"]["silent"] == [] and "prometheus" not in other
    # Kafka in three, ZooKeeper, Connect, seven hosts, two clusters, Prometheus, Alertmanager.
    assert place["prometheus"]["targets"] == 3 + 1 + 1 + 6 + 2 + 1 + 1
    calm(lab)
    assert lab.fab("alerts").out.strip() == "no alert fires"
    assert "nothing to do" in lab.fab("plan").out, "a second look changes nothing"


def test_every_picture_has_something_to_show(lab: Lab) -> None:
    client = Client(lab.bootstrap())
    client.write(TOPIC, map(str, range(50)))
    client.commit(GROUP, TOPIC, {0: 20})
    base = address(lab, of="prometheus")
    config = lab.topology.config
    here = seen(config)
    rate = f"{rate_s(config.monitoring.scrape_s)}s"
    queries = {
        f"{one.name}: {panel.title}: {query.expr}": query.concrete(rate_s=rate_s(1))
        for one in dashboards(config, here) for panel in one.panels for query in panel.queries
    }
    written = {
        f"Grafana's {name}: {target['expr']}": target["expr"]
        .replace("$__rate_interval", rate).replace("$datacenter", ".*")
        for name, one in grafana(config, here).items()
        for panel in one["panels"] for target in panel["targets"]
    }
    assert len(queries) == len(written) > 55
    missing = dict(queries | written)

    def all_told() -> bool:
        for name, expression in list(missing.items()):
            if value(base, expression):
                del missing[name]
        return not missing

    try:
        until(all_told, "data for every panel", SECONDS, pause=0.5)
    except AssertionError:
        pytest.fail(f"nothing for {json.dumps(sorted(missing), indent=1)}")
    # Other groups may have filled the panels before this one's commit was scraped.
    behind = f'kafka_consumergroup_lag{{consumergroup="{GROUP}", partition="0"}}'
    (lag,) = until(lambda: value(base, behind), "the lag of the group", SECONDS, pause=0.5)
    assert float(lag["value"][1]) == 30


def test_the_page_draws_every_panel(lab: Lab) -> None:
    with browser() as page:
        for one in dashboards(lab.topology.config, seen(lab.topology.config)):
            page.open(f"{address(lab)}#{one.name}")
            page.until("document.body.dataset.looks >= 1")
            found = page.run(
                "[...document.querySelectorAll('section')].map((one) => [one.querySelector('h2')"
                ".textContent, !!one.querySelector('svg path, .row, .number, .zero')])"
            )
            assert found == [[panel.title, True] for panel in one.panels]
            assert page.run("document.documentElement.scrollWidth <= innerWidth")
            # Hosts of another lab that come or go change the machine's networks.
            assert [one for one in page.complaints() if "ERR_NETWORK_CHANGED" not in one] == []


def test_a_killed_broker_is_an_alarm_until_it_is_back(lab: Lab) -> None:
    calm(lab)
    broker = lab.of("kafka")[1]
    with stopped(lab, broker, "kafka"):
        until(lambda: fires(lab, "KafkaBrokerDown", instance=broker.name), "the alarm", SECONDS)
        assert lab.fab("alerts", expect=1).out.count(broker.name) >= 1
        manager = address(lab, of="alertmanager")
        until(lambda: any(one["labels"]["alertname"] == "KafkaBrokerDown"
                          for one in get(f"{manager}/api/v2/alerts")), "Alertmanager has it")
    calm(lab)


def lag_grows(lab: Lab) -> Callable[[], bool]:
    client, written = Client(lab.bootstrap()), iter(range(10**9))
    client.commit(GROUP, TOPIC, {0: 0})

    def more() -> bool:
        client.write(TOPIC, (str(next(written)) for _ in range(200)))
        return fires(lab, "KafkaLagRising", consumergroup=GROUP, topic=TOPIC)

    return more


@pytest.mark.full("integrations", sample=0)
def test_a_lag_that_grows_is_an_alarm_until_it_stays(lab: Lab) -> None:
    calm(lab)
    until(lag_grows(lab), "the alarm", SECONDS)
    calm(lab)


STOPPED: dict[str, tuple[str, str, str, dict[str, str]]] = {
    # the alarm: whose service dies in which datacenter, and what the alarm says of it
    "KafkaUnderReplicated": ("kafka", "dc1", "kafka", {"datacenter": "dc1"}),
    "KafkaUnderMinIsr": ("kafka", "dc1", "kafka", {"datacenter": "dc1"}),
    "KafkaOfflinePartition": ("kafka", "dc1", "kafka", {"datacenter": "dc1"}),
    "KafkaNoController": ("kafka", "dc2", "kafka", {"datacenter": "dc2"}),
    "MirrorStalled": ("control", "dc2", "connect", {"mirror": "dc1-to-dc2"}),
    "TargetDown": ("zookeeper", "dc1", "node-exporter", {"job": "node-exporter"}),
}


@pytest.mark.full("integrations", sample=0)
@pytest.mark.parametrize("alarm", STOPPED)
def test_each_alarm_fires_for_what_it_is_for_and_ends_with_it(lab: Lab, alarm: str) -> None:
    role, place, unit, labels = STOPPED[alarm]
    calm(lab)
    with stopped(lab, lab.of(role, place)[-1], unit):
        until(lambda: fires(lab, alarm, **labels), "the alarm", SECONDS, pause=0.5)
    lab.fab("up")
    calm(lab)


@pytest.mark.full("integrations", sample=0)
def test_a_disk_that_fills_is_an_alarm_until_there_is_room(lab: Lab) -> None:
    calm(lab)
    host = lab.of("kafka")[0]
    engine = [*lab.engine.prefix, "exec", "--privileged", f"{lab.name}.{host.name}"]
    import subprocess

    def run(*words: str) -> None:
        subprocess.run([*engine, *words], check=True, capture_output=True, timeout=30)

    run("mkdir", "-p", "/data/small")
    run("mount", "-t", "tmpfs", "-o", "size=4m", "small", "/data/small")
    try:
        lab.inside(host, "dd if=/dev/zero of=/data/small/full bs=1M count=4 2>/dev/null || :")
        until(lambda: fires(lab, "DiskFilling", mountpoint="/data/small", instance=host.name),
              "the alarm", SECONDS)
    finally:
        run("umount", "/data/small")
    calm(lab)


def test_ports_are_published_on_this_machine_alone(lab: Lab) -> None:
    host = lab.of("control")[0]
    ports = lab.engine.lines("port", f"{lab.name}.{host.name}")
    for number in (prometheus.PORT, alertmanager.PORT):
        (line,) = [one for one in ports if one.startswith(f"{number}/tcp")]
        assert line.split(" -> ")[1].startswith("127.0.0.1:")
