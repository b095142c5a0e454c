"""What hosts stand on: the lab's network, made again where it was lost, and all hosts on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.counted import counted
from scripts.errors import few
from scripts.platforms.local import network
from scripts.platforms.local.container import instance
from scripts.platforms.local.network import Network

if TYPE_CHECKING:
    from scripts.platforms.local.engine import Container, Engine
    from scripts.platforms.local.installing import Say


@dataclass(frozen=True)
class Ground:
    """The network called `name` of the lab with this `label`; `say` tells of one that was lost."""

    engine: Engine
    name: str
    label: str
    say: Say

    def exists(self) -> bool:
        return self.name in self.engine.networks()

    def lacking(self, own: Network | None, there: Mapping[str, Container]) -> list[str]:
        """What `lay` would put right for hosts that are `there` and stand still, in lines."""
        still = _still(there)
        if not own or not still:
            return []
        if not self.exists():
            return [f"network {self.name} ({own.subnet}), which is gone: made again, "
                    f"{counted(len(still), 'host')} on it with their addresses"]
        astray = self._astray(still)
        return [f"{counted(len(astray), 'host')} back on network {self.name}: {few(list(astray))}"
                ] if astray else []

    def lay(self, own: Network, there: Mapping[str, Container]) -> None:
        """Make the network where it is missing, and put hosts on it that stand still."""
        still = _still(there)
        if not self.exists():
            if there:
                self.say(f"Network {self.name} is gone: making it again ...")
            network.make(self.name, own, self.label, self.engine)
        network.join(self.name, {
            one.id: instance(name, one, None).address for name, one in self._astray(still).items()
        }, self.engine)

    def _astray(self, still: Mapping[str, Container]) -> dict[str, Container]:
        off = network.astray(self.name, [one.id for one in still.values()], self.engine)
        return {name: one for name, one in still.items() if one.id in off}


def _still(there: Mapping[str, Container]) -> dict[str, Container]:
    return {name: one for name, one in sorted(there.items()) if not one.running}

