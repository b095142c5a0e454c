"""Keys of a local lab: the pair that opens its hosts, and the hosts' own.

A host key is read from the host's console through the container engine, never over SSH. Both kinds
live in the lab's state directory; the host keys there only save time, by container id.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from lab.paths import LOGIN_KEY
from scripts.errors import TimeoutExpired
from scripts.platforms.local.engine import Container, Engine
from scripts.platforms.login import login_pair

AUTHORIZED_KEYS = "/etc/ssh/authorized_keys/student"
LOGIN_LABEL = "kafkalab.login"
# A host's first boot takes a tenth of a second; a machine that is busy otherwise makes it longer.
DEADLINE_S = 60.0
POLL_S = 0.05
_KEY = re.compile(r"^kafkalab host key: (ssh-ed25519 [A-Za-z0-9+/=]+)", re.MULTILINE)


class Keys:
    """The keys of the lab whose state directory is `state` (mode 0700)."""

    def __init__(self, state: Path, engine: Engine) -> None:
        self.engine = engine
        self._private, self._public = state / LOGIN_KEY, state / f"{LOGIN_KEY}.pub"
        self._cache = state / "hostkeys.json"

    def login(self, comment: str) -> str:
        """The public login key as one line; the pair is made when it is not there."""
        return login_pair(self._private, comment)

    def known(self) -> dict[str, str]:
        """Host keys by container id, as far as they were read before."""
        return {id: entry["host_key"] for id, entry in self._entries().items()}

    def learn(self, containers: Iterable[Container], login: str) -> None:
        """Read the host keys that are not known, and hand the login key to hosts with another one.

        A host gets the login key when it is made; it has another one only if the state directory
        was lost since. Raises TimeoutExpired when a host does not show its key in time.
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
            return

        keys = self._from_consoles(new)
        for container in new:
            if container.labels.get(LOGIN_LABEL) != mark(login):
                self.engine(
                    "exec", "--interactive", container.id, "tee", AUTHORIZED_KEYS,
                    stdin=f"{login}\n".encode(),
                )  # fmt: skip
            kept[container.id] = {"host_key": keys[container.name], "login": mark(login)}
        self._write(kept)

    def forget(self) -> list[str]:
        """Remove all key files of the lab; returns what there was."""
        files = [path for path in (self._cache, self._private, self._public) if path.exists()]
        for path in files:
            path.unlink()
        return [f"file {path}" for path in files]

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
            id: entry for id, entry in entries.items() if entry.keys() == {"host_key", "login"}
        } if isinstance(entries, dict) else {}  # fmt: skip

    def _write(self, entries: Mapping[str, Mapping[str, str]]) -> None:
        part = self._cache.with_suffix(".part")
        part.write_text(json.dumps(entries, indent=1, sort_keys=True))
        part.replace(self._cache)


def mark(login: str) -> str:
    """Twelve hex digits that tell one login key from another."""
    return sha256(login.encode()).hexdigest()[:12]


def last(text: str) -> str:
    """The last three lines that say something, as one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-3:]) or "nothing"
