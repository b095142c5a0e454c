"""Host keys from the console output of instances, before the first connection.

The first boot prints the keys there, where only the account can read them (EC2 user guide, "Get
information about your instance": compare the fingerprint). They are never learned over SSH. Once
read they lie in the lab's state directory, by instance id, which is used for one instance alone,
and beside Terraform's states where those are in a bucket.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from lab.counted import counted
from scripts.errors import LabError, TimeoutExpired
from scripts.platforms.aws.clients import AwsError, Clients, fan_out, spoken
from scripts.platforms.aws.inventory import Machine
from scripts.platforms.aws.kept import KeptKeys
from scripts.workstation.whole import write_whole

# AWS shows the console of a first boot only some minutes after it.
DEADLINE_S = 600.0
POLL_S = 5.0
KEY = r"ssh-ed25519 [A-Za-z0-9+/=]{68,}"
# cloud-init's own block, and the line that the lab's first boot adds.
BLOCK = re.compile(
    r"-----BEGIN SSH HOST KEY KEYS-----(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL
)
LINE = re.compile(rf"kafkalab host key: ({KEY})")


def host_key(text: str) -> str | None:
    """The ed25519 key ("ssh-ed25519 AAAA…") that a console shows first, or None.

    The first one: what somebody prints there later does not count.
    """
    for block in BLOCK.finditer(text):
        if match := re.search(KEY, block[1]):
            return match[0]
    match = LINE.search(text)
    return match[1] if match else None


class HostKeys:
    """The host keys of a lab whose state directory is `state`; `kept`: those in its bucket."""

    def __init__(
        self, state: Path, clients: Clients, *, kept: KeptKeys | None = None,
        say: Callable[[str], None] = print, deadline_s: float = DEADLINE_S, poll_s: float = POLL_S,
    ) -> None:
        self._kept, self._asked = kept, False
        self._cache = state / "hostkeys-aws.json"
        self._clients, self._say = clients, say
        self._deadline_s, self._poll_s = deadline_s, poll_s

    def known(self, wanted: Iterable[str] = ()) -> dict[str, str]:
        """Host keys by instance id, as far as they were read before: on this machine, and for those
        of `wanted` that never were, by whoever wrote them into the bucket."""
        here = self._here()
        missing = set(wanted) - here.keys()
        if not missing or self._kept is None or self._asked:
            return here
        self._asked = True
        more = {id: key for id, key in self._kept.read().items()
                if id in missing and re.fullmatch(KEY, str(key))}
        if more:
            self._write(here | more)
        return here | more

    def keep(self) -> int:
        """Write what is known here into the bucket, too; how many keys were not there."""
        return self._kept.add(self._here()) if self._kept else 0

    def _here(self) -> dict[str, str]:
        try:
            found = json.loads(self._cache.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def learn(self, machines: Iterable[Machine]) -> dict[str, str]:
        """The keys of `machines` by instance id, waited for where they are not known.

        Raises TimeoutExpired naming a host whose console shows none in time; what the others
        showed is kept.
        """
        wanted = {one.id: one for one in machines}
        keys = {id: key for id, key in self.known(wanted).items() if id in wanted}
        deadline, told = time.monotonic() + self._deadline_s, False
        known = set(keys)
        while missing := wanted.keys() - keys.keys():
            found = fan_out(lambda id: self._look(wanted[id]), sorted(missing))
            keys |= {id: key for id, key in found.items() if key}
            self._write(self._here() | keys)
            if self._kept and keys.keys() - known:
                self._kept.add(keys)
                known = set(keys)
            missing -= keys.keys()
            if not missing:
                break
            if time.monotonic() > deadline:
                raise self._late([wanted[id] for id in missing])
            if not told:
                self._say(
                    f"Waiting for {counted(len(missing), 'console')} to show host keys; AWS takes "
                    "up to five minutes ..."
                )
                told = True
            time.sleep(self._poll_s)
        return keys

    def forget(self) -> list[str]:
        """Remove the cached keys, also those in the bucket; returns what there was here."""
        if self._kept:
            self._kept.forget()
        if not self._cache.exists():
            return []
        self._cache.unlink()
        return [f"file {self._cache}"]

    def _look(self, machine: Machine) -> str | None:
        """The key on a console: as it is now, or as AWS kept it when the machine last booted."""
        client = self._clients("ec2", machine.region)
        for latest in ({"Latest": True}, {}):
            try:
                with spoken(machine.region):
                    answer = client.get_console_output(InstanceId=machine.id, **latest)
            except AwsError as error:
                if error.gone:
                    raise LabError(
                        f"{machine.id} is gone since it was listed", where=machine.name,
                        hint="run it again; `cdktf deploy '*'` makes what is missing",
                    ) from error
                if latest and error.code == "UnsupportedOperation":  # only Nitro has it
                    continue
                raise
            if key := host_key(answer.get("Output") or ""):
                return key
        return None

    def _late(self, silent: list[Machine]) -> TimeoutExpired:
        first = min(silent, key=lambda machine: machine.name)
        others = f" (and {len(silent) - 1} more)" if len(silent) > 1 else ""
        return TimeoutExpired(
            f"no host key on the console of {first.id} after {self._deadline_s:g} s{others}",
            where=first.name,
            hint="run it again; a console forgets its first boot in time, and then `terraform "
            "apply -replace` of the host makes one that shows its key",
        )

    def _write(self, keys: Mapping[str, str]) -> None:
        write_whole(self._cache, json.dumps(keys, indent=1, sort_keys=True))
