"""The alerts, as Prometheus takes them.

How long something has to be so is counted in looks (`monitoring.scrape_s`): what is asked seldom
cannot be known soon.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.mirrors.topics import HEARTBEATS, remote_name

if TYPE_CHECKING:
    from lab.model import Lab

CRITICAL, WARNING = "critical", "warning"
# An agent in a JVM makes a job of its service's name.
IN_JVMS = "kafka|controller|connect|zookeeper"
LAG_LOOKS = 4  # over which a lag has to grow


@dataclass(frozen=True)
class Alert:
    """One alert. `looks`: how many in a row have to find it so. `says`: of Prometheus' labels.

    `labels` are given to it beside those of its series.
    """

    name: str
    expression: str
    looks: int
    severity: str
    says: str
    labels: tuple[tuple[str, str], ...] = ()

    def lasting(self, scrape_s: int) -> str:
        return f"{self.looks * scrape_s}s"


def alerts(lab: Lab, seen: frozenset[str]) -> tuple[Alert, ...]:
    """Those of a lab whose datacenters `seen` are looked at."""
    return tuple(_alerts(lab, seen))


def _alerts(lab: Lab, seen: frozenset[str]) -> Iterator[Alert]:
    agents, scrape = set(lab.monitoring.agents), lab.monitoring.scrape_s
    quorums = any(one.quorum for one in lab.datacenters if one.name in seen)
    if "kafka" in agents:
        yield from _of_brokers()
    if {"kafka", *(("controller",) if quorums else ())} <= agents:
        yield Alert(
            "KafkaNoController",
            "(sum by (datacenter) (kafka_controller_kafkacontroller_activecontrollercount)"
            ' or sum by (datacenter) (up{job=~"kafka|controller"} * 0)) != 1',
            2, CRITICAL, "{{ $labels.datacenter }} has {{ $value }} controllers instead of one",
        )
    yield Alert(
        "KafkaOfflinePartition",
        "max by (datacenter) (kafka_controller_kafkacontroller_offlinepartitionscount) > 0"
        " or count by (datacenter) (kafka_topic_partition_leader == -1) > 0",
        1, CRITICAL, "{{ $value }} partitions of {{ $labels.datacenter }} have no leader",
    )
    window = f"{LAG_LOOKS * scrape}s"
    yield Alert(
        "KafkaLagRising",
        f"kafka_consumergroup_lag_sum > {lab.monitoring.lag_records}"
        f" and delta(kafka_consumergroup_lag_sum[{window}]) > 0",
        2, WARNING, "{{ $labels.consumergroup }} is {{ $value }} records behind in "
                    "{{ $labels.topic }} of {{ $labels.datacenter }}, and ever more",
    )
    yield from _of_mirrors(lab, seen)
    yield Alert(
        "DiskFilling",
        '100 * node_filesystem_avail_bytes{mountpoint=~"/|/data.*"}'
        f" / node_filesystem_size_bytes < {lab.monitoring.disk_free_percent}",
        2, WARNING, '{{ printf "%.0f" $value }} % of {{ $labels.mountpoint }} of '
                    "{{ $labels.instance }} are free",
    )
    yield Alert(
        "TargetDown", 'up{job!="kafka"} == 0', 2, WARNING,
        "{{ $labels.job }} of {{ $labels.instance }} does not answer Prometheus",
    )


def _of_brokers() -> Iterator[Alert]:
    yield Alert(
        "KafkaBrokerDown", 'up{job="kafka"} == 0', 1, CRITICAL,
        "the broker of {{ $labels.instance }} does not answer",
    )
    yield Alert(
        "KafkaUnderReplicated",
        "sum by (datacenter) (kafka_server_replicamanager_underreplicatedpartitions) > 0",
        2, WARNING, "{{ $value }} partitions of {{ $labels.datacenter }} lack a replica in sync",
    )
    yield Alert(
        "KafkaUnderMinIsr",
        "sum by (datacenter) (kafka_server_replicamanager_underminisrpartitioncount) > 0",
        1, CRITICAL, "{{ $value }} partitions of {{ $labels.datacenter }} take no writes with "
                     "acks=all: too few replicas are in sync",
    )


def _of_mirrors(lab: Lab, seen: frozenset[str]) -> Iterator[Alert]:
    """A heartbeat is written into the source every second, and crosses as every record does: where
    none arrives, nothing does."""
    window = max(lab.mirroring.stall_s, 4 * lab.monitoring.scrape_s)
    for mirror in lab.mirrors:
        if mirror.target not in seen:
            continue
        series = (
            "kafka_topic_partition_current_offset{"
            f"datacenter={json.dumps(mirror.target)}, "
            f"topic={json.dumps(remote_name(mirror, HEARTBEATS))}}}"
        )
        yield Alert(
            "MirrorStalled",
            f"changes({series}[{window}s]) == 0 or absent({series})",
            2, CRITICAL, f"for {window} s no heartbeat of {mirror.source} has arrived in "
                         f"{mirror.target}",
            labels=(("mirror", mirror.name),),
        )
