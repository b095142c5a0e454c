"""Keys of a local lab: the pair that opens its hosts, and the hosts' own.

A host key is read from the host's console through the container engine, never over SSH. Both kinds
live in the lab's state directory; the host keys there only save time, by container id.

A lab may be used from several state directories: by two users, say, or by one with and without
sudo. Each has a login key of its own, which is added on the hosts to those that are there.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from lab.paths import HOST_KEYS, KNOWN_HOSTS, LOGIN_KEY
from scripts.errors import TimeoutExpired
from scripts.platforms.local.engine import Container, Engine
from scripts.platforms.login import login_pair
from scripts.workstation.paths import forget_certificates
from scripts.workstation.whole import write_whole

AUTHORIZED_KEYS = "/etc/ssh/authorized_keys/student"
LOGIN_LABEL = "kafkalab.login"
# A host's first boot takes a tenth of a second; a machine that is busy otherwise makes it longer.
DEADLINE_S = 60.0
POLL_S = 0.05
# Runs with `admit FILE` and the login key as its input. Nobody's key is taken away, and a line that
# was cut off swallows none. sshd reads no file that others may write.
ADMIT = """\
set -eu
umask 022
IFS= read -r key
mkdir -p "${1%/*}"
touch "$1"
chmod go-w "$1"
if grep -qxF -e "$key" "$1"; then exit; fi
if [ -n "$(tail -c 1 "$1")" ]; then echo >>"$1"; fi
printf '%s\\n' "$key" >>"$1"
"""
_KEY = re.compile(r"^kafkalab host key: (ssh-ed25519 [A-Za-z0-9+/=]+)", re.MULTILINE)


class Keys:
    """The keys of the lab whose state directory is `state` (mode 0700)."""

    def __init__(self, state: Path, engine: Engine) -> None:
        self.engine = engine
        self.private, self._public = state / LOGIN_KEY, state / f"{LOGIN_KEY}.pub"
        self._cache = state / HOST_KEYS

    def login(self, comment: str) -> str:
        """The public login key as one line; the pair is made when it is not there."""
        return login_pair(self.private, comment)

    def known(self) -> dict[str, str]:
        """Host keys by container id, as far as they were read before."""
        return {id: entry["host_key"] for id, entry in self._entries().items()}

    def own(self, container: Container) -> bool:
        """Whether the host was made with the login key of this state directory."""
        try:
            return container.labels.get(LOGIN_LABEL) == mark(self._public.read_text().strip())
        except OSError:
            return False

    def learn(self, containers: Iterable[Container], login: str) -> int:
        """Read the host keys that are not known, and add the login key on hosts made with another.

        A host gets the login key of the run that makes it; it was another one if the state
        directory is another one, or was lost since. Returns on how many the key was added. Raises
        TimeoutExpired when a host does not show its key in time.
        """
        entries, new = self._entries(), []
        kept = {}
        for container in containers:
            entry = entries.get(container.id)
            if entry and entry["login"] == mark(login):
                kept[container.id] = entry
            else:
                new.append(container)
        if not new:
            return 0
        keys = self._from_consoles(new)
        joined = 0
        for container in new:
            if container.labels.get(LOGIN_LABEL) != mark(login):
                self._add(container, login)
                joined += 1
            kept[container.id] = {"host_key": keys[container.name], "login": mark(login)}
        self._write(kept)
        return joined

    def admit(self, containers: Iterable[Container], login: str) -> None:
        """Add the login key on hosts that refused it, whatever they were made with."""
        chosen, entries = list(containers), self._entries()
        if not chosen:
            return
        for container in chosen:
            self._add(container, login)
            if entry := entries.get(container.id):
                entries[container.id] = {**entry, "login": mark(login)}
        self._write(entries)

    def _add(self, container: Container, login: str) -> None:
        self.engine(
            "exec", "--interactive", container.id, "sh", "-c", ADMIT, "admit", AUTHORIZED_KEYS,
            stdin=f"{login}\n".encode(),
        )  # fmt: skip

    def forget(self) -> list[str]:
        """Remove all key files of the lab; returns what there was."""
        known = self._cache.with_name(KNOWN_HOSTS)
        files = [path for path in (self._cache, self.private, self._public, known)
                 if path.exists()]
        for path in files:
            path.unlink()
        return [*(f"file {path}" for path in files), *forget_certificates(self._cache.parent)]

    def _from_consoles(self, containers: Sequence[Container]) -> dict[str, str]:
        """The host key of each container by its name, as soon as all have shown theirs."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            texts = self.engine.consoles(containers)
            # The first one: what somebody prints on the console of a host later does not count.
            found = {name: match[1] for name, text in texts.items() if (match := _KEY.search(text))}
            silent = [one for one in containers if one.name not in found]
            if not silent:
                return found
            if time.monotonic() > deadline:
                name = silent[0].name
                raise TimeoutExpired(
                    f"no host key on the console after {DEADLINE_S:g} s; "
                    f"it says: {last(texts[name])}",
                    where=name, hint=f"{self.engine.name} logs {name}",
                )  # fmt: skip
            time.sleep(POLL_S)

    def _entries(self) -> dict[str, dict[str, str]]:
        """What `_write` wrote; nothing when the file is missing or is something else."""
        try:
            entries = json.loads(self._cache.read_text())
        except (OSError, ValueError):
            return {}
        return {
            id: entry for id, entry in entries.items()
            if isinstance(entry, dict) and entry.keys() == {"host_key", "login"}
        } if isinstance(entries, dict) else {}  # fmt: skip

    def _write(self, entries: Mapping[str, Mapping[str, str]]) -> None:
        write_whole(self._cache, json.dumps(entries, indent=1, sort_keys=True))


def mark(login: str) -> str:
    """Twelve hex digits that tell one login key from another."""
    return sha256(login.encode()).hexdigest()[:12]


def last(text: str) -> str:
    """The last three lines that say something, as one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-3:]) or "nothing"
