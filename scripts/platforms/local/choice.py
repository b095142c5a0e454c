"""In which engine a lab is. It stays where it was made, whatever else comes onto the path later.

The lab's state folder remembers it. Where that folder knows nothing (a lab of an earlier version,
or another user's), the engine that has the lab's hosts tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.paths import ENGINE, HOST_KEYS
from scripts.errors import LabError, UsageError
from scripts.platforms.local.container import LAB_LABEL, is_host
from scripts.platforms.local.engine import ENGINES, Container, Engine
from scripts.platforms.local.finding import VARIABLE, Machine, Silent, wanted
from scripts.platforms.local.installing import Say
from scripts.workstation.whole import write_whole


class Memory:
    """What a state folder remembers of where its lab is."""

    def __init__(self, state: Path) -> None:
        self.file, self._keys = state / ENGINE, state / HOST_KEYS

    @property
    def engine(self) -> str | None:
        """The engine that the lab's hosts were made with; None where that is not known."""
        try:
            name = self.file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            return None
        return name if name in ENGINES else None

    @property
    def met(self) -> bool:
        """Whether hosts of the lab were met from here, and not taken away since."""
        return self._keys.exists()

    def keep(self, name: str) -> None:
        """Remember the engine, at once and whole: a run may be killed right after."""
        if self.engine != name:
            write_whole(self.file, f"{name}\n")

    def forget(self) -> None:
        self.file.unlink(missing_ok=True)


@dataclass(frozen=True)
class View:
    """What there is to know of a lab's whereabouts.

    `hosts`: how many of its hosts each engine on this machine has, or why that cannot be asked.
    """

    lab: str
    hosts: Mapping[str, int | Silent]
    wanted: str | None = None
    remembered: str | None = None
    met: bool = False
    file: str = "the file"  # that remembers


def decide(view: View, *, several: bool = False) -> str | None:
    """The engine that the lab is in, or is to be in; None where it is in none and any will do.

    Raises LabError where that engine cannot be used, or nobody can tell which it is, and UsageError
    where LAB_ENGINE names another one. With `several` the lab may be in more than one.
    """
    home = _home(view, several=several)
    if home is None:
        silent = [one for one in view.hosts.values() if isinstance(one, Silent)]
        unseen = silent or not view.hosts
        if view.met and unseen and not (view.wanted or view.remembered):
            why = silent[0].what if silent else "there is no other on this machine"
            remedy = silent[0].remedy if silent else "install the one that they were in"
            raise LabError(
                f"no engine that answers has the hosts of {view.lab}, and {why}",
                hint=f"{remedy}; if they are gone for good, {VARIABLE} names the engine to use",
            )
        return view.wanted or view.remembered
    if view.wanted not in (None, home):
        raise UsageError(
            f"{VARIABLE}={view.wanted}, but the hosts of {view.lab} are in {home.capitalize()}",
            hint=f"leave {VARIABLE} out; to change the engine, `fab down` first without it",
        )
    found = view.hosts.get(home)
    if isinstance(found, Silent):
        raise LabError(f"the hosts of {view.lab} are in {home.capitalize()}. {found.what}",
                       hint=found.remedy)
    if found is None:
        raise LabError(
            f"the hosts of {view.lab} were made with {home.capitalize()}, which is not on the path",
            hint=f"install it again; if it is gone for good with all it had, remove {view.file}",
        )
    return home


def _home(view: View, *, several: bool) -> str | None:
    """Where the lab's hosts are, or were when they were seen last; None for none anywhere."""
    having = [name for name in ENGINES if isinstance(n := view.hosts.get(name), int) and n]
    last = view.remembered
    if last and (last in having or isinstance(view.hosts.get(last), Silent)):
        return last
    if len(having) > 1 and view.wanted not in having and not several:
        raise LabError(
            f"both {' and '.join(name.capitalize() for name in having)} have hosts of {view.lab}",
            hint=f"`fab down` removes them all; {VARIABLE} names the one to use until then",
        )
    if having:
        return view.wanted if view.wanted in having else having[0]
    return last if last and last not in view.hosts else None


def choose(
    lab: str, memory: Memory, machine: Machine, *, several: bool = False, installs: bool = False,
    say: Say = print,
) -> Engine:
    """The engine of a lab; of a new one what LAB_ENGINE names, else the first that answers.

    With `installs` Podman is installed where there is no engine. Raises LabError as `decide` does.
    No engine is asked that need not be: one that hangs takes its time.
    """
    wish, last, here = wanted(), memory.engine, machine.programs
    sure = last or (here[0] if len(here) == 1 else None)
    if sure in here and {wish, last} <= {None, sure}:
        engine = machine.tried(sure, label(lab))
        if isinstance(engine, Engine) and (here == [sure] or _hosts(
            machine.containers(engine, label(lab), keep=True)
        )):
            return engine
    seen = {name: one for name in here if (one := machine.ask(name))}
    hosts = {name: count(one, lab) if isinstance(one, Engine) else one
             for name, one in seen.items()}
    name = decide(View(lab, hosts, wish, last, memory.met, str(memory.file)), several=several)
    return machine.pick(name, installs=installs, say=say)


def label(lab: str) -> str:
    """What the lab's containers are known by."""
    return f"{LAB_LABEL}={lab}"


def count(engine: Engine, lab: str) -> int:
    """How many hosts of the lab an engine has."""
    return _hosts(engine.containers(label(lab)))


def _hosts(found: Iterable[Container]) -> int:
    return sum(map(is_host, found))
