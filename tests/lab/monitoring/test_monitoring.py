"""What of a lab is monitored, what its alerts ask, and what its JVMs tell."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from lab.file import LabFileError, parse
from lab.monitoring.alarms import alarms
from lab.monitoring.alerts import alerts
from lab.services.local import local_context
from lab.services.monitored import seen
from lab.services.registry import (
    SERVICES,
    artifacts,
    carriers,
    desired_state,
    extension_of,
    software,
)
from lab.state import File, Key, Package
from lab.topology import Topology, build

DC = [{"name": f"dc{n}", "cidr": f"10.{n}.0.0/24"} for n in (1, 2, 3)]
LINKS = [{"between": ["dc1", "dc2"]}]
KRAFT = {"version": "4.3.1", "metadata": "kraft"}


def lab(*datacenters: dict[str, Any], **sections: Any) -> Topology:
    monitoring = {"enabled": True, **sections.pop("monitoring", {})}
    return build(parse({
        "owner": "ann", "datacenters": list(datacenters or DC[:1]), "monitoring": monitoring,
        **sections,
    }).lab)


def having(name: str, topology: Topology) -> list[str]:
    return [host.name for place in topology.datacenters
            for host in carriers(name, place, topology.config)]


def file(topology: Topology, host: str, path: str) -> str:
    where = next(one for one in topology.hosts if one.name == host)
    found = desired_state(where, local_context(topology, {}))[Key("file", path)]
    assert isinstance(found, File)
    return found.text


def test_a_lab_that_asks_for_none_has_nothing_of_it() -> None:
    topology = lab(monitoring={"enabled": False})
    names = [name for name in SERVICES
             if name.startswith("jmx-") or "exporter" in name or name in ("prometheus",
                                                                           "alertmanager")]
    assert len(names) == 8
    assert all(having(name, topology) == [] for name in names)
    assert [one.name for one in artifacts(topology)] == ["kafka"]
    assert not {"prometheus", "alertmanager", "node-exporter"} & set(software(topology))


def test_one_prometheus_sees_what_its_datacenter_is_linked_to() -> None:
    topology = lab(*DC, links=LINKS, monitoring={"at": "dc2"})
    assert having("prometheus", topology) == having("alertmanager", topology) == ["ann-dc2-ctl01"]
    assert having("lag-exporter", topology) == ["ann-dc2-ctl01"]
    assert {name.split("-")[1] for name in having("node-exporter", topology)} == {"dc1", "dc2"}
    assert {name.split("-")[1] for name in having("jmx-kafka", topology)} == {"dc1", "dc2"}
    text = file(topology, "ann-dc2-ctl01", "/etc/prometheus-lab/prometheus.yml")
    jobs = {job["job_name"]: job for job in yaml.safe_load(text)["scrape_configs"]}
    assert [one["labels"] for one in jobs["lag"]["static_configs"]] == [
        {"datacenter": name, "instance": "ann-dc2-ctl01", "__param_datacenter": name}
        for name in ("dc1", "dc2")
    ]
    assert [one["labels"]["instance"] for one in jobs["kafka"]["static_configs"]] == [
        f"ann-{place}-kafka0{n}" for place in ("dc1", "dc2") for n in (1, 2, 3)
    ]
    assert jobs.keys() == {"kafka", "node-exporter", "prometheus", "alertmanager", "lag"}


def test_what_it_does_not_see_is_a_warning() -> None:
    found = parse({"owner": "a", "datacenters": DC, "links": LINKS,
                   "monitoring": {"enabled": True}})
    assert [str(one) for one in found.warnings] == [
        "monitoring.at = 'dc1': is not linked to dc3: Prometheus sees nothing of it"
    ]


@pytest.mark.parametrize(("places", "at", "problem"), [
    (DC[:2], "dc9", "dc9"),
    ([{**DC[0], "control": 0}, DC[1]], None, "has no control host for Prometheus; accepted: 'dc2'"),
    ([{**DC[0], "control": 0}], None, "accepted: a datacenter with control = 1"),
])
def test_where_it_cannot_be_is_told(places: list[Any], at: str | None, problem: str) -> None:
    with pytest.raises(LabFileError, match=r"monitoring\.at") as told:
        parse({"owner": "a", "datacenters": places,
               "monitoring": {"enabled": True, **({"at": at} if at else {})}})
    assert problem in str(told.value)


def test_a_broker_has_its_agent_and_restarts_for_it() -> None:
    """The agent is on its command line, so the digest of what it runs with is another one."""
    with_it, without = lab(), lab(monitoring={"agents": ["zookeeper"]})
    host = next(one for one in with_it.hosts if one.role == "kafka")
    context = local_context(with_it, {})
    extension = extension_of(SERVICES["kafka"], host, context)
    assert extension.options == (
        "-javaagent:/usr/local/jmx-agent-1.0.1/libs/jmx_prometheus_javaagent-1.0.1.jar="
        "10.1.0.31:9404:/etc/kafka/jmx.yml",
    )
    assert extension_of(SERVICES["kafka"], host, local_context(without, {})).options == ()
    unit = Key("unit", "kafka.service")
    assert desired_state(host, context)[unit] != desired_state(
        host, local_context(without, {}))[unit]
    assert Key("archive", "/usr/local/jmx-agent-1.0.1") in desired_state(host, context)


@pytest.mark.parametrize(("agents", "role", "unit"), [
    ("kafka", "kafka", "kafka"), ("controller", "controller", "controller"),
    ("zookeeper", "zookeeper", "zookeeper"), ("connect", "control", "connect"),
])
def test_each_kind_of_jvm_has_it_where_it_is_asked_for(
    agents: str, role: str, unit: str
) -> None:
    topology = lab(DC[0], {**DC[1], **KRAFT}, links=LINKS, mirrors=[{"from": "dc1", "to": "dc2"}],
                   monitoring={"agents": [agents]})
    host = [one for one in topology.hosts if one.role == role][-1]
    assert "-javaagent:" in file(topology, host.name, f"/etc/systemd/system/{unit}.service")
    others = {"kafka", "controller", "zookeeper", "connect"} - {agents}
    assert having(f"jmx-{agents}", topology)
    assert all(having(f"jmx-{one}", topology) == [] for one in others)


@pytest.mark.parametrize("names", ["kafka", "connect", "zookeeper"])
def test_names_of_jvms_are_bounded_and_well_written(names: str) -> None:
    """Only beans that are named are read, and each rule is one that Java takes."""
    from lab.templates import render

    found = yaml.safe_load(render(f"jmx/{names}.yml"))
    assert found["includeObjectNames"] and len(found["includeObjectNames"]) < 60
    for rule in found["rules"]:
        groups = re.compile(rule["pattern"]).groups
        used = [int(n) for one in (rule["name"], *rule.get("labels", {}).values())
                for n in re.findall(r"\$(\d)", str(one))]
        assert max(used, default=0) <= groups, rule
        assert rule["type"] == ("COUNTER" if rule["name"].endswith("_total") else "GAUGE"), rule


def test_packages_are_of_the_hosts_that_have_the_service() -> None:
    topology = lab()
    broker = next(one for one in topology.hosts if one.role == "kafka")
    found = desired_state(broker, local_context(topology, {}))
    assert isinstance(found[Key("package", "node-exporter")], Package)
    assert Key("package", "prometheus") not in found


def names_of(topology: Topology) -> list[str]:
    return [one.name for one in alerts(topology.config, seen(topology.config))]


def test_alerts_are_of_what_the_lab_has() -> None:
    everything = lab(DC[0], DC[1], links=LINKS, mirrors=[
        {"from": "dc1", "to": "dc2"}, {"from": "dc2", "to": "dc1"}])
    assert names_of(everything) == [
        "KafkaBrokerDown", "KafkaUnderReplicated", "KafkaUnderMinIsr", "KafkaNoController",
        "KafkaOfflinePartition", "KafkaLagRising", "MirrorStalled", "MirrorStalled",
        "DiskFilling", "TargetDown",
    ]
    assert names_of(lab(monitoring={"agents": []})) == [
        "KafkaOfflinePartition", "KafkaLagRising", "DiskFilling", "TargetDown"]
    kraft = lab({**DC[0], **KRAFT}, monitoring={"agents": ["kafka"]})
    assert "KafkaNoController" not in names_of(kraft), "its controllers tell nothing"


def test_a_mirror_is_known_by_its_heartbeats_in_the_target() -> None:
    topology = lab(DC[0], DC[1], links=LINKS, mirroring={"stall_s": 90},
                   mirrors=[{"from": "dc1", "to": "dc2", "policy": "identity"}])
    (one,) = [a for a in alerts(topology.config, seen(topology.config))
              if a.name == "MirrorStalled"]
    series = 'kafka_topic_partition_current_offset{datacenter="dc2", topic="dc1.heartbeats"}'
    assert one.expression == f"changes({series}[90s]) == 0 or absent({series})"
    assert one.labels == (("mirror", "dc1-to-dc2"),)


def test_rules_are_yaml_with_what_the_lab_file_says() -> None:
    topology = lab(monitoring={"scrape_s": 5, "lag_records": 77, "disk_free_percent": 3})
    found = yaml.safe_load(file(topology, "ann-dc1-ctl01", "/etc/prometheus-lab/rules.yml"))
    rules = {one["alert"]: one for one in found["groups"][0]["rules"]}
    assert rules["KafkaBrokerDown"]["for"] == "5s"
    assert rules["KafkaLagRising"]["expr"].startswith("kafka_consumergroup_lag_sum > 77 and ")
    assert rules["DiskFilling"]["expr"].endswith(" < 3")
    assert all(one["annotations"]["summary"] and one["labels"]["severity"]
               for one in rules.values())


def told(name: str, state: str, **labels: str) -> dict[str, Any]:
    return {"labels": {"alertname": name, "severity": "critical", **labels}, "state": state,
            "annotations": {"summary": "s"}, "activeAt": "2026-11-27T21:00:00.123456789Z"}


def test_alarms_come_with_those_that_fire_first_and_say_where() -> None:
    found = alarms([
        told("A", "pending", instance="h1"), told("B", "firing", datacenter="dc1", instance="h2"),
        told("C", "firing"),
    ], [{"alertname": "C", "severity": "critical", "lab": "l"}])
    assert [(one.name, one.state, one.where, one.silenced) for one in found] == [
        ("B", "firing", "dc1 h2", False), ("C", "firing", "", True), ("A", "pending", "h1", False),
    ]
    assert found[0].as_json() == {
        "name": "B", "state": "firing", "severity": "critical", "says": "s",
        "labels": {"datacenter": "dc1", "instance": "h2"}, "since": "2026-11-27T21:00:00Z",
        "silenced": False,
    }
