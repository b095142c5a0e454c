"""Artifacts on hosts that do not have them in their image.

One copy of an archive goes into each datacenter: to its seed (the control host), which serves it
on its private address while the others fetch it. Every host checks its SHA-256 before it
unpacks it, and a folder with the final name appears only when it is whole.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from lab import state
from lab.artifacts import Artifact
from lab.state import Change
from lab.topology import Datacenter, Host, Topology
from scripts.errors import CommandError, LabError
from scripts.hosts.fleet import Fleet
from scripts.software.obtain import Obtained, doubt
from scripts.workstation.screen import Progress

CACHE = "/var/cache/kafkalab"
PORT = 8377  # only within the datacenter's own network, and only while hosts fetch
TRANSFER_SECONDS = 900

CORRUPT = "the archive that arrived is corrupt"

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


@dataclass
class _Relay:
    """The state of one datacenter's copy: served, not needed, or failed."""

    ready: threading.Event = field(default_factory=threading.Event)
    failed: bool = False
    serving: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Deliverer:
    """Gives each host of a run the artifacts that it lacks, of those that this machine has."""

    def __init__(self, topology: Topology, software: Mapping[Artifact, Obtained]) -> None:
        self._datacenters: dict[str, Datacenter] = {d.name: d for d in topology.datacenters}
        self._by_home = {artifact.home: one for artifact, one in software.items()}
        self._relays = {
            (name, home): _Relay() for name in self._datacenters for home in self._by_home
        }

    def provide(
        self, fleet: Fleet, host: Host, changes: Sequence[Change], progress: Progress
    ) -> None:
        """Give `host` the artifacts that it lacks, by its `changes`. Raises LabError."""
        for change in changes:
            if isinstance(change.after, state.Archive):
                self._provide(fleet, host, change.key.name, progress)

    def _provide(self, fleet: Fleet, host: Host, home: str, progress: Progress) -> None:
        wanted = self._by_home.get(home)
        if wanted is None:
            raise LabError(
                f"needs {home}, which is not on this machine", where=host.name, hint="run `fab up`"
            )
        progress.step(host.name, f"fetching {wanted.artifact.title}")
        seed, relay = self._datacenters[host.datacenter].seed, self._relays[host.datacenter, home]
        with relay.lock:  # whoever comes first brings the copy; the others find it served
            if relay.failed:
                raise LabError(
                    f"{seed.name} has no copy of {wanted.artifact.title}", where=host.name
                )
            if not relay.serving:
                try:
                    self._bring(fleet, seed, wanted)
                except BaseException:
                    relay.failed = True
                    raise
                relay.serving = True
        self._take(fleet, host, seed, wanted)

    def close(self, fleet: Fleet) -> None:
        """Stop serving, wherever that was begun; where that fails it ends by itself in time."""
        for name in sorted({name for (name, _), relay in self._relays.items() if relay.serving}):
            with suppress(LabError):
                fleet[self._datacenters[name].seed.name].script(
                    "systemctl stop kafkalab-serve.service 2>/dev/null || true\n",
                    label="stop serving archives",
                )

    def _bring(self, fleet: Fleet, seed: Host, wanted: Obtained) -> None:
        """One copy to the seed, whole or not at all, and served on its private address."""
        path = _path(wanted)
        check = f"echo '{wanted.sha256}  {path}' | sha256sum -c --status 2>/dev/null"
        there = fleet[seed.name].script(check + "\n", label="look for the archive", check=False)
        if there.status:
            receive = f"mkdir -p {CACHE} && cat >{path}.part && mv {path}.part {path}"
            fleet[seed.name].upload(
                wanted.tar, shlex.join(["bash", "-c", f"umask 022; {receive}"]),
                label="upload the archive", timeout=TRANSFER_SECONDS,
            )
        fleet[seed.name].script(_serve_script(str(seed.address)), label="serve archives")

    def _take(self, fleet: Fleet, host: Host, seed: Host, wanted: Obtained) -> None:
        path, lines = _path(wanted), []
        if host.name != seed.name:
            url = f"http://{seed.address}:{PORT}/{path.rpartition('/')[2]}"
            lines += [
                f"mkdir -p {CACHE}",
                f"python3 -c {shlex.quote(FETCH)} {shlex.quote(url)} {shlex.quote(path)}",
            ]
        arguments = [wanted.artifact.folder, wanted.sha256, path]
        lines.append(shlex.join(["bash", "-c", UNPACK, "unpack", *arguments]))
        if host.name != seed.name:
            lines.append(f"rm -f {shlex.quote(path)}")
        try:
            fleet[host.name].script(
                "set -e\n" + "\n".join(lines) + "\n", label="fetch and unpack the archive",
                timeout=TRANSFER_SECONDS,
            )
        except CommandError as error:
            if CORRUPT in error.stderr:
                doubt(wanted.tar)  # it may be the copy here that has gone bad
            raise


def _path(wanted: Obtained) -> str:
    """Where a seed keeps an archive."""
    return f"{CACHE}/{wanted.artifact.folder}-{wanted.sha256[:12]}.tar"


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

