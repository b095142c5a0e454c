"""Taking a lab away: all that is the lab's, in whichever engine, and nothing that is not.

A label alone tells too much: images made from the lab's own inherit it, and so do containers of
them. A host has a label of its own, and the lab's image its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from lab.standing import Obstacle
from scripts.errors import CommandError, few
from scripts.platforms.local import checks, others
from scripts.platforms.local.choice import Memory
from scripts.platforms.local.container import LAB_LABEL, is_host
from scripts.platforms.local.engine import Container, Engine
from scripts.platforms.local.finding import Machine, Silent, with_others
from scripts.platforms.local.image import Images
from scripts.platforms.local.installing import Say
from scripts.platforms.local.keys import Keys
from scripts.platforms.local.recipe import lab_tag


@dataclass(frozen=True)
class Belongings:
    """What the engine has of a lab now. Each listing is asked for once."""

    engine: Engine
    lab: str
    network: str
    elsewhere: bool = False  # not in the engine that the lab is in

    @property
    def label(self) -> str:
        return f"{LAB_LABEL}={self.lab}"

    @cached_property
    def labelled(self) -> list[Container]:
        return self.engine.containers(self.label)

    @property
    def hosts(self) -> list[Container]:
        return [one for one in self.labelled if is_host(one)]

    @cached_property
    def networks(self) -> list[str]:
        return self.engine.networks(self.label)

    @cached_property
    def images(self) -> list[str]:
        """The lab's image, and what it was before it was made anew; none with another name."""
        found = self.engine.images(self.label)
        own = {lab_tag(self.lab)}
        return sorted(id for id, names in found.items() if names <= own)

    @cached_property
    def guests(self) -> dict[str, list[Container]]:
        """Containers that are not the lab's, by the network or image that they use."""
        chosen = {
            **{f"network {name}": f"network={name}" for name in self.networks},
            **{f"image {id}": f"ancestor={id.removeprefix('sha256:')}" for id in self.images},
        }
        found = {
            what: [one for one in self.engine.listed(filter) if not is_host(one)]
            for what, filter in chosen.items()
        }
        return {what: guests for what, guests in found.items() if guests}

    def names(self) -> list[str]:
        """Each as a person is told of it; what is not where the lab is, with its engine."""
        return [f"{one}{self._where}" for one in self._all()]

    @property
    def _where(self) -> str:
        return f" of {self.engine.name}" if self.elsewhere else ""

    def _all(self) -> list[str]:
        return [
            *(f"container {one.name}" for one in self.hosts),
            *(f"network {name}" for name in self.networks),
            *(f"image {id}" for id in self.images),
        ]

    def kept(self) -> Iterator[Obstacle]:
        """The networks and images that cannot go as long as somebody's containers use them."""
        images = {one.id for what, guests in self.guests.items() for one in guests
                  if what.startswith("image ")}
        for what, guests in self.guests.items():
            name, one = what.partition(" ")[2], guests[0]
            away = f"{self.engine.name} network disconnect {name} {one.name}"
            if one.id in images:  # leaving the network alone would not do
                away = f"{self.engine.name} rm --force {one.name}"
            yield Obstacle(
                f"{what}{self._where}",
                f"used by {few([guest.name for guest in guests])}, not the lab's, so left alone",
                f"`{away}`, then `fab down` again",
            )

    def remove(self) -> list[str]:
        """Remove all of it but what guests use; what went. Raises the engine's first CommandError
        when something cannot be removed, after removing all that can."""
        checks.settled(self.label)
        failed: list[CommandError] = []

        def attempt(work: Callable[[], object]) -> None:
            try:
                work()
            except CommandError as error:
                failed.append(error)

        networks = [name for name in self.networks if f"network {name}" not in self.guests]
        images = [id for id in self.images if f"image {id}" not in self.guests]
        if self.hosts:
            attempt(lambda: remove(self.engine, self.hosts))
        if networks:
            attempt(lambda: self.engine("network", "rm", *networks))
        if images:
            attempt(lambda: self.engine("rmi", "--force", *images))
        if failed:
            raise failed[0]
        return [f"{one}{self._where}" for one in self._all() if one not in self.guests]


def remove(engine: Engine, containers: Sequence[Container]) -> None:
    """Remove containers with all that is in them."""
    # The lab is thrown away: nothing is gained by waiting for its processes to end.
    now = ("--time", "0") if engine.name == "podman" else ()
    engine.on(containers, "rm", "--force", "--volumes", *now, timeout=300)


@dataclass(frozen=True)
class Removal:
    """The end of a lab. Its word that nothing is left holds for every engine that answers.

    `engine` is the one that the lab is in. What another one has of it is a lab's of an earlier
    version, which did not remember where it was.
    """

    engine: Engine
    lab: str
    network: str
    keys: Keys
    memory: Memory
    machine: Machine | None
    say: Say

    @cached_property
    def known(self) -> bool:
        """Whether anybody knew where the lab was, before anything of it went."""
        return self.memory.engine is not None or any(one.hosts for one in self._everywhere())

    @property
    def _unasked(self) -> list[Silent]:
        """The engines that may have an unknown lab, and do not answer."""
        return [] if self.known or not self.machine else self.machine.silent

    def remove(self) -> list[str]:
        """Remove all that can go, the keys last, once it is proven that no host is left; what went.
        Raises the first CommandError of an engine that still has something after it."""
        removed: list[str] = []
        failed: list[CommandError] = []
        proven = not self._unasked
        for one in self._everywhere():
            try:
                removed += one.remove()
            except CommandError as error:
                failed.append(error)
            removed += Images(one.engine, self.say).sweep()
        left = self._everywhere()
        if failed and any(one.names() for one in left):
            raise failed[0]
        if not proven or any(one.hosts for one in left):
            return removed
        removed += self.keys.forget()
        if not any(one.names() for one in left):
            self.memory.forget()
        return removed

    def names(self) -> list[str]:
        return [name for one in self._everywhere() for name in one.names()]

    def kept(self) -> list[Obstacle]:
        return [kept for one in self._everywhere() for kept in one.kept()]

    def unproven(self) -> list[str]:
        """Of a lab of which nothing was known, the engines that could not be asked."""
        return [f"nobody asked {one.name} about {self.lab}. {one.what} ({one.remedy})"
                for one in self._unasked]

    def stays(self) -> list[str]:
        """What no lab uses now and the next one is made from, in a line for each engine."""
        return [
            Images(engine, self.say).told() for engine in with_others(self.engine, self.machine)
            if not others.labs(engine) and Images(engine, self.say).shared()
        ]

    def _everywhere(self) -> list[Belongings]:
        return [
            Belongings(one, self.lab, self.network, elsewhere=one.name != self.engine.name)
            for one in with_others(self.engine, self.machine)
        ]
