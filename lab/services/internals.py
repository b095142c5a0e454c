"""Topics that workers and mirrors keep for themselves, and what is wrong with them as they are.

Each makes those that it misses when it starts. When they are deleted while it runs, a broker makes
them again for whoever asks: with partitions and a policy of its own, by which what stands there is
deleted after a week and no worker starts any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.counted import counted
from lab.mirrors.topics import HEARTBEATS
from lab.resources import Topic
from lab.services import connect
from lab.services.context import Context
from lab.services.mirrors import end
from lab.services.registry import carriers
from lab.topology import Datacenter

POLICY, COMPACT = "cleanup.policy", "compact"
# MirrorMaker's own names (org.apache.kafka.connect.mirror.ReplicationPolicy of Kafka 3.9).
OFFSET_SYNCS, CHECKPOINTS = "mm2-offset-syncs.{}.internal", "{}.checkpoints.internal"


@dataclass(frozen=True)
class Internal:
    """What such a topic has to be. It is compacted, and made with `partitions` and `replicas`.

    single: it serves with one partition only; otherwise one that is there keeps its number.
    workers: it is of the workers themselves, who read it when they start and remember it.
    """

    partitions: int
    replicas: int
    single: bool = False
    workers: bool = True


@dataclass(frozen=True)
class Fault:
    """An internal topic of a cluster that is not what it has to be; `have` None: it is missing."""

    cluster: str
    name: str
    want: Internal
    have: Topic | None

    @property
    def anew(self) -> bool:
        """Whether it cannot become so, and has to be made again."""
        return self.have is not None and _many(self.want, self.have)

    @property
    def problem(self) -> str:
        """What is wrong, in words."""
        begin = f"internal topic {self.name} of {self.cluster}"
        if self.have is None:
            return f"{begin} is missing; run `fab up`"
        if self.anew:
            return f"{begin} has {self.have.partitions} partitions instead of 1; run `fab up`"
        has = self.have.config.get(POLICY)
        return f"{begin} has {POLICY} = {has} instead of {COMPACT}; run `fab up`"

    @property
    def line(self) -> str:
        """What is done about it, as the plan has it."""
        what = f"internal topic {self.name} of {self.cluster}"
        if self.have is None:
            return (f"+ {what} ({counted(self.want.partitions, 'partition')}, "
                    f"{counted(self.want.replicas, 'replica')}, {POLICY} = {COMPACT})")
        if self.anew:
            return f"~ {what}: partitions: {self.have.partitions} -> 1, made anew"
        return f"~ {what}: {POLICY}: {self.have.config.get(POLICY)} -> {COMPACT}"


def internals(datacenter: Datacenter, context: Context) -> dict[str, dict[str, Internal]]:
    """The internal topics of a datacenter's workers and of the mirrors that lead there, by the
    datacenter whose cluster has them and by name."""
    lab = context.topology.config
    found: dict[str, dict[str, Internal]] = {datacenter.name: {}}
    hosts = carriers("connect", datacenter, lab)
    if not hosts:
        return {}
    settings = connect.settings(hosts[0], context)
    for what in ("config", "offset", "status"):
        found[datacenter.name][str(settings[f"{what}.storage.topic"])] = Internal(
            int(str(settings.get(f"{what}.storage.partitions", 1))),
            int(str(settings[f"{what}.storage.replication.factor"])), single=what == "config",
        )
    for mirror in lab.mirrors:
        if mirror.target != datacenter.name:
            continue
        source, target = (
            Internal(1, end(context, name).replication_factor, workers=False)
            for name in (mirror.source, mirror.target)
        )
        found[datacenter.name][CHECKPOINTS.format(mirror.source)] = target
        found.setdefault(mirror.source, {}).update({
            OFFSET_SYNCS.format(mirror.target): source, HEARTBEATS: source,
            # Where a connector writes, its worker keeps the connector's offsets, too, and makes no
            # topic for them there.
            str(settings["offset.storage.topic"]): source,
        })
    return found


def faults(
    cluster: str, wanted: Mapping[str, Internal], there: Mapping[str, Topic]
) -> Iterator[Fault]:
    """What is wrong with the internal topics of a cluster, by name."""
    for name, want in sorted(wanted.items()):
        have = there.get(name)
        if have is None or _many(want, have) or not _compacted(want, have):
            yield Fault(cluster, name, want, have)


def _many(want: Internal, have: Topic) -> bool:
    return want.single and have.partitions != 1


def _compacted(want: Internal, have: Topic) -> bool:
    """Workers take no other policy beside it; to mirrors it makes no difference."""
    policies = have.config.get(POLICY, "").split(",")
    return policies == [COMPACT] if want.workers else COMPACT in policies
