"""What is to be done, as it follows from where a datacenter stands."""

from __future__ import annotations

from enum import Enum

from lab.migration.stages import Stage
from lab.migration.world import World
from lab.topology import Datacenter
from lab.versions import BOTH, BRIDGE, KRAFT, ZOOKEEPER, with_both


class Step(Enum):
    """What can be done; each harms nothing where it is done already."""

    STOP = "stop the controllers"
    RELEASE = "let a broker be the controller again"
    PLAIN = "restart brokers without the quorum"
    CLEAR = "set aside what a former quorum has left on disks"
    PREPARE = "start controllers beside ZooKeeper"
    DUAL_WRITE = "restart brokers with both, and let the quorum take over"
    BROKERS = "restart brokers with KRaft"
    RETURN = "restart brokers with both"
    ALONE = "restart controllers without ZooKeeper"
    LEAVE = "stop ZooKeeper"


# With an upgrade that ends by itself the first is enough.
FIRST = "`fab up` and `fab kafka.finalize` come first"


class CannotMove(ValueError):
    """The text says why, `hint` what can be done."""

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(why)
        self.hint = hint


def forward(world: World, goal: Stage = Stage.BROKERS) -> tuple[Step, ...]:
    """What leads to `goal`, which is no further than BROKERS. Raises CannotMove."""
    _fits(world.datacenter)
    if world.final:
        return ()
    if world.unready:
        raise CannotMove(world.unready, FIRST)
    if not world.whole and {BOTH, KRAFT} & {*world.brokers.values()}:
        raise _headless(world)
    steps: list[Step] = []
    if not world.whole:
        # A quorum of some that are new and some that are not could lead with what is empty.
        steps += [Step.STOP] if world.controllers else []
        steps += [Step.RELEASE] if world.claimed else []
        steps += [Step.CLEAR] if world.left or world.controllers else []
        steps.append(Step.PREPARE)
    if goal >= Stage.DUAL_WRITE and max(world.stage, Stage.PREPARED) < Stage.DUAL_WRITE:
        steps.append(Step.DUAL_WRITE)
    if goal >= Stage.BROKERS and world.stage < Stage.BROKERS:
        steps.append(Step.BROKERS)
    return tuple(steps)


def backward(world: World) -> tuple[Step, ...]:
    """What leads to ZooKeeper. Raises CannotMove where nothing does any more."""
    if world.final:
        raise CannotMove(
            f"there is no way back: it is {Stage.FINISHED.words} alone, and ZooKeeper knows no "
            "more what has happened since", "`fab status` shows the quorum",
        )
    brokers = {*world.brokers.values()}
    steps = [Step.RETURN] if KRAFT in brokers else []
    if steps and not world.controllers:
        raise _headless(world)
    steps += [Step.STOP] if world.controllers else []
    steps += [Step.RELEASE] if world.claimed or world.controllers else []
    steps += [Step.PLAIN] if brokers - {ZOOKEEPER} else []
    steps += [Step.CLEAR] if world.left or world.controllers or len(steps) > 1 else []
    return tuple(steps)


def final(world: World) -> tuple[Step, ...]:
    """What takes ZooKeeper out of it, once for all. Raises CannotMove where it is too early."""
    if not world.final and world.stage < Stage.BROKERS:
        raise CannotMove(f"it is {world.stage.words}", "`fab kraft.migrate` comes first")
    return tuple(
        step for step, due in (
            (Step.ALONE, any(one != KRAFT for one in world.controllers.values())
             or not world.whole),
            (Step.LEAVE, bool(world.servers)),
        ) if due
    )


def _headless(world: World) -> CannotMove:
    """Of brokers that look for controllers which are not there."""
    missing = sorted({host.name for host in world.datacenter.by_role("zookeeper")}
                     - world.controllers.keys())
    if world.cut_back:
        return CannotMove("a way back was cut off: its controllers are stopped, and brokers still "
                          "look for them", "`fab kraft.back` completes it")
    return CannotMove(f"controllers are missing: {', '.join(missing)}",
                      "`fab up` sets them up again, `fab kraft.back` leads back")


def _fits(datacenter: Datacenter) -> None:
    version = datacenter.config.version
    if version not in with_both():
        raise CannotMove(
            f"Kafka {version} has no way from ZooKeeper to KRaft; {' and '.join(with_both())} have",
            f'say version = "{BRIDGE}" until `fab kraft.finish`',
        )


def epoch_to_set(zookeeper: int, quorum: int) -> int | None:
    """What ZooKeeper's controller epoch has to become before a broker is the controller again;
    None where it is enough.

    A quorum that writes to ZooKeeper writes its own epoch to each partition. A broker that becomes
    the controller takes ZooKeeper's epoch and one, and leaves alone partitions with a higher one:
    they stay without a leader (KAFKA-20488).
    """
    return quorum if quorum > zookeeper else None
