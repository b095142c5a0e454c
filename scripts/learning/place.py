"""Where an exercise takes place in a lab, and what its parameters are there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from lab.learning.exercise import Exercise, Value
from lab.learning.needs import fits, lab_file, needs
from lab.listeners import wanted
from lab.mirrors.topics import remote_name
from lab.model import Lab
from lab.options.mirrors import Mirror
from lab.paths import CERTIFICATES
from lab.services.acls import nobody
from lab.services.connect import PORT as CONNECT_PORT
from lab.services.context import Context
from lab.services.leading import NAME as REGISTRY
from lab.services.monitored import seen
from lab.services.registry import carriers
from lab.services.schemas import API, PORT as REGISTRY_PORT
from lab.services.sinks import CLASS, searched, store_host
from lab.services.stores import STORES
from lab.topology import Datacenter, Host
from scripts.drivers.schemas import inside as inside_url
from scripts.errors import UsageError
from scripts.session import Session
from scripts.workstation.secret import CLIENTS

REPLICAS = 3


@dataclass(frozen=True)
class Place:
    """Where an exercise takes place: a datacenter, and the mirror that leads out of it, if any."""

    datacenter: Datacenter
    mirror: Mirror | None

    @property
    def tools(self) -> Host:
        """The host with Kafka's tools."""
        return tools(self.datacenter)


def tools(datacenter: Datacenter) -> Host:
    """The host of a datacenter with Kafka's tools: the control host, else a broker."""
    return (*datacenter.by_role("control"), *datacenter.by_role("kafka"))[0]


def place(exercise: Exercise, session: Session) -> Place:
    """The first datacenter where the exercise can take place. Raises UsageError for none."""
    topology = session.topology
    by_hand = topology.config.kafka.finalize == "by hand"
    for one in topology.datacenters:
        leaving = [m for m in topology.config.mirrors if m.source == one.name]
        carrying = [m for m in leaving if searched(topology.config, m.target)]
        mirror = next(iter(carrying if exercise.pipeline else leaving), None)
        connected = bool(carriers("connect", one, topology.config))
        monitored = (one.name in seen(topology.config)
                     and "kafka" in topology.config.monitoring.agents)
        if fits(exercise, one.config, mirrored=mirror is not None, by_hand=by_hand,
                connected=connected, registered=topology.config.registry.leader == one.name,
                certified=not wanted(topology.config.security).plain,
                users=proven(topology.config, one.name), monitored=monitored,
                carried=bool(carrying)):
            return Place(one, mirror)
    raise UsageError(f"{exercise.id} needs {needs(exercise)} in one datacenter",
                     hint=f"LAB={lab_file(exercise)} has that")


def proven(lab: Lab, datacenter: str) -> tuple[str, ...]:
    """The users of a datacenter who prove their names, and are refused what nobody has granted."""
    if not lab.security.acls or nobody(lab.security):
        return ()
    return tuple(one.name for one in lab.users
                 if not one.absent and datacenter in (one.datacenters or (datacenter,)))


def client_file(state: Path, datacenter: Datacenter) -> Path:
    """What programs of exercises tell closed brokers of a datacenter."""
    return state / CLIENTS / f"kafkalab.{datacenter.name}.json"


def parameters(
    exercise: Exercise, here: Place, context: Context, *, state: Path, again: int
) -> dict[str, Value]:
    """What an exercise's texts and scripts may name of a lab whose state folder is `state`. again:
    how often the exercise was begun anew."""
    topology, brokers = context.topology, here.datacenter.by_role("kafka")
    inside, outside = context.internal(here.datacenter), context.external(here.datacenter)
    client = str(client_file(state, here.datacenter)) if outside.settings else ""
    return {
        "owner": topology.config.owner, "datacenter": here.datacenter.name,
        "brokers": len(brokers), "replicas": min(REPLICAS, len(brokers)),
        "bootstrap": inside.servers, "outside": outside.servers,
        "tools_host": here.tools.name, "authority": str(state / CERTIFICATES),
        # What programs on the student's machine are told of closed brokers, and how to type it.
        "client": client, "closed": f"CLIENT={quote(client)} " if client else "",
        # A mirror goes on at the offset that it had in a topic, although that was made anew; a
        # connector, too, in what it reads.
        "again": f"-{again + 1}" if again else "",
        **{f"broker_{host.number}": host.name for host in brokers},
        **_beside(exercise, here, context),
    }


def _beside(exercise: Exercise, here: Place, context: Context) -> dict[str, Value]:
    """What there is beside brokers: workers, the mirror's target, the registry, the store."""
    topology, found = context.topology, dict[str, Value]()
    # Where a pipeline ends, where it has one, is all but the topic.
    there = here.datacenter
    if exercise.pipeline and here.mirror:
        there = topology.datacenter(here.mirror.target)
        found |= _store(context, there)
    if workers := carriers("connect", there, topology.config):
        found |= {"connect_host": workers[0].name,
                  "connect_url": f"http://{workers[0].fqdn}:{CONNECT_PORT}"}
    if here.mirror:
        target = topology.datacenter(here.mirror.target)
        found |= {
            "target": target.name, "copy_prefix": remote_name(here.mirror, ""),
            "mirror": here.mirror.name, "target_tools_host": tools(target).name,
            "target_bootstrap": context.internal(target).servers,
        }
    if exercise.registry or exercise.pipeline:
        (host,) = carriers(REGISTRY, there, topology.config)
        found["registry"] = inside_url(host)
    return found


def _store(context: Context, there: Datacenter) -> dict[str, Value]:
    """Where the store and the registry of a pipeline are."""
    lab = context.topology.config
    sink = searched(lab, there.name)
    if sink is None:
        return {}
    host, port = store_host(sink, there), STORES[sink.kind].port
    (registry,) = carriers(REGISTRY, there, lab)
    return {"store": f"http://{host.fqdn}:{port}", "index_class": CLASS,
            "store_here": _from_here(context, host, port),
            "registry_here": _from_here(context, registry, REGISTRY_PORT) + API}


def _from_here(context: Context, host: Host, port: int) -> str:
    """A port of a host as programs on this machine reach it."""
    return "http://{}:{}".format(*context.way(host, port))
