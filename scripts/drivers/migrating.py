"""A datacenter whose metadata moves from ZooKeeper to KRaft: what its hosts and ZooKeeper tell."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from lab.artifacts import started
from lab.kraft import METADATA_LOG
from lab.migration.steps import epoch_to_set
from lab.migration.way import Way, at, movable
from lab.migration.world import Node, World, keeps
from lab.services import controller, kafka
from lab.topology import ZOOKEEPER_CLIENT_PORT, Datacenter, Topology
from lab.upgrade import PROTOCOL
from lab.versions import KRAFT, ZOOKEEPER
from scripts.clients.znodes import Held, Put, Remove, Znodes
from scripts.drivers.driver import Site
from scripts.errors import LabError
from scripts.hosts.fleet import Fleet

LOOK_SECONDS = 10.0
CONTROLLER, EPOCH, MIGRATION = "/controller", "/controller_epoch", "/migration"
LEFT = "/data/left"  # where a host keeps what a former quorum has left on its disk
METADATA = f"{kafka.DATA}/{METADATA_LOG}"

# A line for all that there is; of files only what says how metadata is kept and what brokers speak,
# and of the broker's command line what it runs.
READ = """\
settings() { # SERVICE FILE
  [ -r "$2" ] || return 0
  grep -E '^(process\\.roles|zookeeper\\.(connect|metadata\\.migration\\.enable)|@PROTOCOL@)=' \\
    "$2" | while IFS= read -r line; do echo "$1 $line"; done
}
settings broker @BROKER@
pid=$(systemctl show -p MainPID --value kafka.service 2>/dev/null) || :
[ "${pid:-0}" = 0 ] || tr '\\0' '\\n' <"/proc/$pid/cmdline" | sed -n 's/^@/runs @/p'
settings controller @CONTROLLER@
for unit in controller zookeeper; do
  [ ! -L "/etc/systemd/system/multi-user.target.wants/$unit.service" ] || echo "enabled $unit"
done
for folder in @DATA@ @QUORUM@; do
  [ ! -r "$folder/meta.properties" ] || {
    echo "formatted $folder"; sed -n 's/^cluster\\.id=/cluster /p' "$folder/meta.properties"
  }
done
[ ! -e @METADATA@ ] || echo "formatted @METADATA@"
echo end
"""
for _name, _value in (
    ("@BROKER@", kafka.CONFIG), ("@CONTROLLER@", controller.CONFIG), ("@DATA@", kafka.DATA),
    ("@QUORUM@", controller.DATA), ("@METADATA@", METADATA),
    ("@PROTOCOL@", re.escape(PROTOCOL)),
):
    READ = READ.replace(_name, _value)


def node(answer: str) -> Node:
    """A host from what it says to READ. Raises ValueError for half an answer."""
    pairs = [line.partition(" ")[::2] for line in answer.splitlines()]
    if not pairs or pairs[-1][0] != "end":
        raise ValueError("the answer is cut off")
    said: dict[str, list[str]] = {}
    for word, rest in pairs:
        said.setdefault(word, []).append(rest)
    properties = "\n".join(said.get("broker", ()))
    broker = keeps(properties)
    enabled, formatted = said.get("enabled", []), said.get("formatted", [])
    controls = ""
    if "controller" in enabled:
        controls = keeps("\n".join(said.get("controller", ()))) or KRAFT
    return Node(
        broker=broker, controller=controls, server="zookeeper" in enabled,
        cluster=next(iter(said.get("cluster", ())), ""),
        left=(controller.DATA in formatted and not controls)
        or (METADATA in formatted and broker == ZOOKEEPER),
        version=started("\n".join(said.get("runs", ()))) or "",
        protocol=next(iter(re.findall(rf"^{re.escape(PROTOCOL)}=(\S*)", properties, re.M)), ""),
    )


def nodes(fleet: Fleet, datacenter: Datacenter, running: Collection[str]) -> dict[str, Node]:
    """What each of a datacenter's hosts tells, of those that do."""
    names = [host.name for host in datacenter.hosts
             if host.role in ("zookeeper", "kafka") and host.name in running]

    def one(name: str) -> Node | None:
        try:
            return node(fleet[name].script(READ, label="look", timeout=LOOK_SECONDS).stdout)
        except (LabError, ValueError):
            return None

    return {name: found for name, found in fleet.each(one, names).items() if found}


@dataclass(frozen=True)
class Standing:
    """A lab with each datacenter as it stands, where metadata is to move or has moved.

    clusters: the ids of clusters that hosts tell of, by datacenter. unknown: the datacenters whose
    hosts run and do not say how they stand; they are as the lab file has them.
    """

    topology: Topology
    clusters: Mapping[str, str]
    unknown: frozenset[str]


def standing(topology: Topology, fleet: Fleet, running: Collection[str]) -> Standing:
    """Where datacenters stand, by the hosts that are `running`."""
    ways: dict[str, Way] = {}
    clusters: dict[str, str] = {}
    unknown = set()
    for datacenter in filter(movable, topology.datacenters):
        world = World(datacenter, nodes(fleet, datacenter, running))
        for role in ("zookeeper", "kafka"):
            there = {host.name for host in datacenter.by_role(role)} & {*running}
            if there and not there & world.nodes.keys():
                unknown.add(datacenter.name)
        if ids := world.clusters:
            clusters[datacenter.name] = ids[0]
        if not (world.fresh or world.final):
            ways[datacenter.name] = world.way
    return Standing(at(topology, ways), clusters, frozenset(unknown))


@dataclass(frozen=True)
class Words:
    """What ZooKeeper's nodes say of who controls the cluster, and of the migration."""

    controller: Mapping[str, Any]
    epoch: int
    epoch_version: int
    migration: Mapping[str, Any]
    cluster: str

    @property
    def quorum(self) -> bool:
        """Whether a quorum is the controller; a broker gives its epoch of a quorum as -1."""
        return int(self.controller.get("kraftControllerEpoch", -1)) >= 0

    @property
    def quorum_epoch(self) -> int:
        """The highest epoch of a quorum that there is a word of; -1 for none."""
        return max(int(self.controller.get("kraftControllerEpoch", -1)),
                   int(self.migration.get("kraft_controller_epoch", -1)))

    @property
    def copied(self) -> int:
        """Up to which record of the quorum's log ZooKeeper has everything; -1 for nothing."""
        return int(self.migration.get("kraft_metadata_offset", -1))

    @property
    def completed(self) -> bool:
        return self.quorum and self.copied > 0

    @property
    def claimed(self) -> bool:
        return self.quorum or bool(self.migration)


def words(session: Znodes) -> Words:
    epoch = session.get(EPOCH)
    return Words(
        _json(session.get(CONTROLLER)), int(epoch.data) if epoch else 0,
        epoch.version if epoch else -1, _json(session.get(MIGRATION)),
        str(_json(session.get("/cluster/id")).get("id", "")),
    )


def release(session: Znodes, quorum_epoch: int) -> Words:
    """Let a broker become the controller, and the next migration begin anew; what there was.

    Only while no controller of the quorum runs. `quorum_epoch`: the highest that it had, as far as
    it said so itself.
    """
    found = words(session)
    changes: list[Put | Remove] = []
    epoch = epoch_to_set(found.epoch, max(found.quorum_epoch, quorum_epoch))
    if found.quorum:
        if epoch is not None:
            changes.append(Put(EPOCH, str(epoch).encode(), found.epoch_version))
        changes.append(Remove(CONTROLLER))
    if found.migration:
        changes.append(Remove(MIGRATION))
    session.change(*changes)
    return found


def ask(site: Site) -> Znodes:
    """A session with the ensemble's leader, which has what the others have and more. Raises
    LabError."""
    leader = site.zookeeper.wait_quorum().leader
    host = next(one for one in site.datacenter.hosts if one.name == leader)
    channel = site.fleet[host.name].open_channel(
        str(host.address), ZOOKEEPER_CLIENT_PORT, timeout=LOOK_SECONDS
    )
    if channel is None:
        raise LabError("ZooKeeper does not answer", where=host.name, hint="see `fab status`")
    return Znodes(channel, host.name)


def world(site: Site, datacenter: Datacenter, running: Collection[str]) -> World:
    """Where a datacenter stands, `datacenter` as the lab file has it. Raises LabError."""
    found = World(datacenter, nodes(site.fleet, datacenter, running))
    if found.fresh or not found.servers:
        return found
    with ask(site) as session:
        said = words(session)
    return replace(found, completed=said.completed, claimed=said.claimed)


def set_aside(fleet: Fleet, name: str) -> None:
    """Move what a former quorum has left on a host's disk out of the way of the next one. Nothing
    is removed. Only for hosts on which none of its processes is in a quorum."""
    paths = " ".join(shlex.quote(path) for path in (controller.DATA, METADATA))
    fleet[name].script(
        f"set -eu\nfor path in {paths}; do\n"
        '  [ -e "$path" ] || continue\n'
        f'  target={LEFT}/$(date +%s)\n  mkdir -p "$target"\n  mv -T -- "$path" '
        '"$target/$(basename "$path")"\ndone\n',
        label="set aside",
    )


def _json(held: Held | None) -> dict[str, Any]:
    with suppress(ValueError):
        found = json.loads(held.data) if held and held.data else {}
        return found if isinstance(found, dict) else {}
    return {}
