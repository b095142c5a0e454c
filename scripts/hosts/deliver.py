"""Artifacts and packages on hosts that do not have them in their image.

One copy of an archive goes into each datacenter: to its seed (the control host), which serves it
on its private address while the others fetch it. Every host checks its SHA-256 before it
unpacks it, and a folder with the final name appears only when it is whole.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lab import state
from lab.artifacts import Artifact
from lab.state import Change
from lab.topology import Datacenter, Host, Topology
from scripts.errors import CommandError, LabError
from scripts.hosts.fleet import Fleet
from scripts.software.kept import CORRUPT
from scripts.software.obtain import Obtained, doubt
from scripts.software.packages import Packages, install_script
from scripts.workstation.screen import Progress

CACHE = "/var/cache/kafkalab"
PORT = 8377  # only within the datacenter's own network, and only while hosts fetch
TRANSFER_SECONDS = 900

# Run as root with: NAME SHA256 ARCHIVE. Unpacks beside the target and renames.
UNPACK = """\
set -euo pipefail
name=$1 sha256=$2 archive=$3 new=/usr/local/.$1.new
if ! echo "$sha256  $archive" | sha256sum -c --status; then
  rm -f "$archive"; echo "@CORRUPT@; it was removed" >&2; exit 1
fi
rm -rf "$new"; mkdir -p "$new"
tar -x -p --no-same-owner -f "$archive" -C "$new"
printf %s "$sha256" >"$new/$name/.digest"
old=/usr/local/.$name.old
[ ! -e "/usr/local/$name" ] || { rm -rf "$old"; mv "/usr/local/$name" "$old"; }
mv "$new/$name" "/usr/local/$name"
rm -rf "$new" "$old"
""".replace("@CORRUPT@", CORRUPT)

# Run as root with: URL PATH. Python is on every host that can be bootstrapped; curl is not.
FETCH = """\
import shutil, sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
with opener.open(sys.argv[1], timeout=60) as source, open(sys.argv[2], "wb") as target:
    shutil.copyfileobj(source, target, 1 << 20)
"""


@dataclass(frozen=True)
class _Parcel:
    """A tar, where it lies on hosts, and the command that makes use of it there."""

    title: str
    tar: Path
    sha256: str
    path: str
    command: Sequence[str]
    label: str


@dataclass
class _Relay:
    """The state of one datacenter's copy: served, not needed, or failed."""

    ready: threading.Event = field(default_factory=threading.Event)
    failed: bool = False
    serving: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Deliverer:
    """Gives each host of a run what it lacks of software, of what this machine has.

    `packages` has a set of the operating system's packages with some that a host lacks, by the
    lab's names; where it gives None, or is not given, hosts install those by themselves.
    """

    def __init__(
        self, topology: Topology, software: Mapping[Artifact, Obtained],
        packages: Callable[[Collection[str]], Packages | None] = lambda lacking: None,
    ) -> None:
        self._datacenters: dict[str, Datacenter] = {d.name: d for d in topology.datacenters}
        self._by_home = {artifact.home: one for artifact, one in software.items()}
        self._packages = packages
        self._relays: dict[tuple[str, str], _Relay] = {}
        self._refused: LabError | None = None
        self._fetching = threading.Lock()

    def provide(
        self, fleet: Fleet, host: Host, changes: Sequence[Change], progress: Progress
    ) -> list[Change]:
        """Give `host` the software that it lacks, by its `changes`; those that are left to make.

        Raises LabError.
        """
        lacking = [change.key.name for change in changes if isinstance(change.after, state.Package)]
        archives = [change for change in changes if isinstance(change.after, state.Archive)]
        done = list(archives)
        if lacking:
            progress.step(host.name, f"packages: {', '.join(lacking)}")
            if (packages := self._fetched(lacking)) is not None:
                self._hand_over(fleet, host, _of_packages(packages, lacking))
                done += [one for one in changes if isinstance(one.after, state.Package)]
        for change in archives:
            wanted = self._by_home.get(change.key.name)
            if wanted is None:
                raise LabError(
                    f"needs {change.key.name}, which is not on this machine", where=host.name,
                    hint="run `fab up`",
                )
            progress.step(host.name, f"fetching {wanted.artifact.title}")
            self._hand_over(fleet, host, _of_artifact(wanted))
        return [change for change in changes if change not in done]

    def _fetched(self, lacking: Collection[str]) -> Packages | None:
        """The packages; the first host has them fetched for all, or none gets them."""
        with self._fetching:
            if self._refused:
                raise self._refused
            try:
                return self._packages(lacking)
            except LabError as error:
                self._refused = error
                raise

    def _hand_over(self, fleet: Fleet, host: Host, parcel: _Parcel) -> None:
        seed = self._datacenters[host.datacenter].seed
        # At once, as the interpreter does it; threads that come together get the same one.
        relay = self._relays.setdefault((host.datacenter, parcel.path), _Relay())
        with relay.lock:  # whoever comes first brings the copy; the others find it served
            if relay.failed:
                raise LabError(f"{seed.name} has no copy of {parcel.title}", where=host.name)
            if not relay.serving:
                try:
                    self._bring(fleet, seed, parcel)
                except BaseException:
                    relay.failed = True
                    raise
                relay.serving = True
        self._take(fleet, host, seed, parcel)

    def close(self, fleet: Fleet) -> None:
        """Stop serving, wherever that was begun; where that fails it ends by itself in time."""
        for name in sorted({name for (name, _), relay in self._relays.items() if relay.serving}):
            with suppress(LabError):
                fleet[self._datacenters[name].seed.name].script(
                    "systemctl stop kafkalab-serve.service 2>/dev/null || true\n",
                    label="stop serving archives",
                )

    def _bring(self, fleet: Fleet, seed: Host, parcel: _Parcel) -> None:
        """One copy to the seed, whole or not at all, and served on its private address."""
        path = parcel.path
        check = f"echo '{parcel.sha256}  {path}' | sha256sum -c --status 2>/dev/null"
        there = fleet[seed.name].script(check + "\n", label="look for the archive", check=False)
        if there.status:
            receive = f"mkdir -p {CACHE} && cat >{path}.part && mv {path}.part {path}"
            fleet[seed.name].upload(
                parcel.tar, shlex.join(["bash", "-c", f"umask 022; {receive}"]),
                label="upload the archive", timeout=TRANSFER_SECONDS,
            )
        fleet[seed.name].script(_serve_script(str(seed.address)), label="serve archives")

    def _take(self, fleet: Fleet, host: Host, seed: Host, parcel: _Parcel) -> None:
        path, lines = parcel.path, []
        if host.name != seed.name:
            url = f"http://{seed.address}:{PORT}/{path.rpartition('/')[2]}"
            lines += [
                f"mkdir -p {CACHE}",
                f"python3 -c {shlex.quote(FETCH)} {shlex.quote(url)} {shlex.quote(path)}",
            ]
        lines.append(shlex.join(parcel.command))
        if host.name != seed.name:
            lines.append(f"rm -f {shlex.quote(path)}")
        try:
            fleet[host.name].script(
                "set -e\n" + "\n".join(lines) + "\n", label=parcel.label,
                timeout=TRANSFER_SECONDS,
            )
        except CommandError as error:
            if CORRUPT in error.stderr:
                doubt(parcel.tar)  # it may be the copy here that has gone bad
            raise


def _of_artifact(wanted: Obtained) -> _Parcel:
    folder = wanted.artifact.folder
    path = _path(folder, wanted.sha256)
    return _Parcel(
        wanted.artifact.title, wanted.tar, wanted.sha256, path,
        ("bash", "-c", UNPACK, "unpack", folder, wanted.sha256, path),
        "fetch and unpack the archive",
    )


def _of_packages(packages: Packages, lacking: Collection[str]) -> _Parcel:
    path = _path("packages", packages.sha256)
    return _Parcel(
        packages.title, packages.tar, packages.sha256, path,
        ("bash", "-c", install_script(), "install", *packages.arguments(path, lacking)),
        "fetch and install packages",
    )


def _path(name: str, sha256: str) -> str:
    """Where a seed keeps an archive."""
    return f"{CACHE}/{name}-{sha256[:12]}.tar"


def _serve_script(address: str) -> str:
    """Serve the cache folder, read-only and as nobody, for as long as a transfer may take."""
    server = [
        "systemd-run", "--quiet", "--collect", "--unit=kafkalab-serve",
        f"--property=RuntimeMaxSec={TRANSFER_SECONDS}", "--property=User=nobody",
        "python3", "-m", "http.server", str(PORT), "--bind", address, "--directory", CACHE,
    ]
    return "\n".join((
        "set -e",
        "systemctl is-active -q kafkalab-serve.service || {",
        "  systemctl reset-failed kafkalab-serve.service 2>/dev/null || true",
        f"  {shlex.join(server)}",
        "}",
        "end=$((SECONDS + 30))",
        f"until (exec 3<>/dev/tcp/{address}/{PORT}) 2>/dev/null; do",
        '  ((SECONDS < end)) || { echo "the file server does not answer" >&2; exit 1; }',
        "  sleep 0.05",
        "done",
    )) + "\n"

