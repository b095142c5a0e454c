"""Packages of the operating system for hosts without a name server, as files of this machine.

A set of packages is one tar in the cache: their .deb files, with those of all that they need beyond
the hosts' base, and a manifest with the SHA-256 of each. Which files these are, and whether they
are what the distribution signed, is apt's to say: it runs where `Fetch` has it run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lab import packages
from lab.packages import SOFTWARE, Family
from scripts.errors import CommandError, LabError, one_line
from scripts.software.kept import CORRUPT, Kept, locked, workspace
from scripts.workstation.paths import cache_dir

SCRIPTS = Path(__file__).parent / "deb"
MANIFEST = "SHA256SUMS"
# On hosts: what is being installed. It is gone only when all of it is there and configured, so
# what was cut off, or failed, is not taken for installed because its file has arrived.
INSTALLING = "/var/lib/kafkalab/installing"
FAMILY: Family = "debian"
# Seconds for all packages of a service on a slow line.
FETCH_SECONDS = 900

Say = Callable[[str], None]
# Writes the tar of these packages (by the distribution's names) to the file.
Fetch = Callable[[tuple[str, ...], BinaryIO], None]


@dataclass(frozen=True)
class Packages:
    """A set of packages that this machine has, with everything that they need of others.

    `software` are the lab's own names; `tar` is plain, `sha256` is the tar's.
    """

    software: tuple[str, ...]
    tar: Path
    sha256: str

    @property
    def title(self) -> str:
        return ", ".join(packages.names(self.software, FAMILY))

    def arguments(self, archive: str, software: Iterable[str]) -> list[str]:
        """What `install_script` takes to install `software` (some of the set) from `archive`."""
        wanted = [
            f"{one}:{found.names[FAMILY]}:{found.path_on(FAMILY)}"
            for one in software if (found := SOFTWARE[one])
        ]
        return [self.sha256, archive, *wanted]


def fetch_script() -> str:
    """A bash script for a fresh host with a network; takes package names, prints their tar."""
    return (SCRIPTS / "fetch.sh").read_text().replace("@MANIFEST@", MANIFEST)


def install_script() -> str:
    """A bash script for a host without a network, run as root; see `Packages.arguments`."""
    text = (SCRIPTS / "install.sh").read_text()
    for name, value in (("@MANIFEST@", MANIFEST), ("@INSTALLING@", INSTALLING),
                        ("@CORRUPT@", CORRUPT)):
        text = text.replace(name, value)
    return text


def obtain(
    software: Iterable[str], *, base: str, fetch: Fetch, say: Say = print
) -> Packages:
    """The packages of `software`, from the cache or else by `fetch`.

    `base` names what the hosts have without them: the same packages need other files on another
    one. Raises LabError, naming packages and reason, when they cannot be had.
    """
    chosen = tuple(sorted(set(software)))
    folder = cache_dir() / "packages"
    names = tuple(packages.names(chosen, FAMILY))
    key = hashlib.sha256("\n".join((base, fetch_script(), *names)).encode()).hexdigest()[:20]
    kept, title = Kept(folder / f"{key}.tar", ""), ", ".join(names)
    if digest := kept.stamped():
        return Packages(chosen, kept.tar, digest)
    with locked(folder, title, say):
        digest = _kept(kept, say)
        if digest is None:
            with workspace(folder) as work:
                digest = _fetched(kept, work, names, fetch)
    return Packages(chosen, kept.tar, digest)


def _kept(kept: Kept, say: Say) -> str | None:
    """The digest of the tar in the cache; None where there is none that may be believed."""
    if not kept.tar.exists():
        return None
    try:
        return kept.verify()
    except LabError as error:
        say(str(error))
        return None


def _fetched(kept: Kept, work: Path, names: tuple[str, ...], fetch: Fetch) -> str:
    from scripts.software.tar import file_digest  # noqa: PLC0415 - gzip, tarfile

    part = work / kept.tar.name
    try:
        with part.open("wb") as file:
            fetch(names, file)
        check(part)
    except LabError as error:
        reason = _reason(error)
        raise LabError(
            f"the packages {', '.join(names)} could not be had: {reason}",
            hint="for this the distribution's archive has to be reached, once",
        ) from error
    digest = file_digest(part, "sha256")
    kept.put(part, digest, recipe=None)
    return digest


def _reason(error: LabError) -> str:
    """apt's own first word about it, where there is one."""
    said = error.stderr.splitlines() if isinstance(error, CommandError) else []
    return next((line for line in map(one_line, said) if line.startswith("E: ")), str(error))


def check(tar: Path) -> None:
    """Hold a tar against the manifest in it. Raises LabError for one that is not whole."""
    import tarfile  # noqa: PLC0415 - only who fetches needs it

    try:
        with tarfile.open(tar, "r:") as archive:
            found = {
                member.name: hashlib.sha256(content.read()).hexdigest()
                for member in archive if member.name != MANIFEST
                and (content := archive.extractfile(member)) is not None
            }
            manifest = archive.extractfile(MANIFEST)
            lines = manifest.read().decode().splitlines() if manifest else []
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise LabError(f"what arrived is no archive of packages: {one_line(error)}") from error
    wanted = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    if not wanted or found != wanted:
        odd = sorted(set(found.items()) ^ set(wanted.items()))
        raise LabError(f"what arrived is not what its manifest says: {odd[0][0] if odd else ''}")
