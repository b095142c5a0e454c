"""Other security rules on a host that has some: kept only if somebody can still come in.

Rules with a mistake in them would lock everybody out, also whoever could mend them. So the host
itself puts the old ones back, unless the workstation says over a new connection that it came in. An
open connection proves nothing: what is established passes whatever the rules say.

Cut off anywhere, a host is as it was before or as it should be. Until the new rules are confirmed
they are in the kernel only, and in a file that nobody loads at boot; a run that comes later sees
the difference. The first rules of a new host are no business of this module.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from lab import state
from lab.services.firewall import RULES_FILE, TABLE
from lab.state import Change, Key
from scripts.errors import LabError
from scripts.hosts.change import change_script
from scripts.hosts.fleet import Answer, Host

UNDO_SECONDS = 45  # until the host takes new rules back by itself
PATIENCE = 10  # seconds for each of the three steps of the new connection
UNIT = "kafkalab-firewall-undo"
NEW = f"{RULES_FILE}.kafkalab-new"
# The rules to go back to. Who renames it decides: the timer that takes the new ones back, or the
# workstation that keeps them.
OLD = f"{RULES_FILE}.kafkalab-old"
KEYS = (Key("file", RULES_FILE), Key("firewall", TABLE))

TAKE_BACK = f"mv {OLD} {OLD}-taken && nft -f {OLD}-taken && rm -f {OLD}-taken {NEW}"

AT_ONCE = f"""\
{TAKE_BACK} || exit 1
systemctl -q stop {UNIT}.timer 2>/dev/null || [ $? = 5 ]
"""

# What runs now, not what the file says: over these rules the workstation has just come in.
LOAD = f"""\
step='keep the old security rules'
{{ printf 'table inet {TABLE}\\ndelete table inet {TABLE}\\n'; nft -s list table inet {TABLE}; }} >{OLD}.part
mv -f {OLD}.part {OLD}
step='let the security rules be taken back'
systemctl -q stop {UNIT}.timer 2>/dev/null || [ $? = 5 ]  # there mostly is none
systemd-run --quiet --collect --unit={UNIT} --on-active=@SECONDS@ --timer-property=AccuracySec=1s \\
  /bin/sh -c {shlex.quote(TAKE_BACK)}
step='load the security rules'
nft -f @RULES@
"""  # noqa: E501 - a line of the host's shell

KEEP = f"""\
set -eu
mv {OLD} {OLD}-kept
[ ! -e {NEW} ] || mv -f {NEW} {RULES_FILE}
systemctl -q enable --no-reload nftables.service
systemctl -q stop {UNIT}.timer 2>/dev/null || [ $? = 5 ]
rm -f {OLD}-kept
"""


class Shell(Protocol):
    """What of a host is needed here (scripts.hosts.fleet.Host)."""

    name: str

    def script(
        self, text: str, *, label: str, timeout: float = 120, check: bool = True
    ) -> Answer: ...

    def anew(self, patience: float) -> Host: ...


def split(changes: Sequence[Change]) -> tuple[list[Change], list[Change]]:
    """The changes of the rules that a host has already, and all others."""
    mine = [change for change in changes if change.key in KEYS]
    if any(change.key == KEYS[1] and change.before is None for change in mine):
        mine = []
    return mine, [change for change in changes if change not in mine]


def load_script(changes: Sequence[Change]) -> str:
    """Load the rules of `changes`, to be taken back after UNDO_SECONDS."""
    written = [
        replace(change, key=Key("file", NEW)) for change in changes
        if isinstance(change.after, state.File)
    ]
    # Without one, the file is right already: somebody else has loaded other rules.
    text = LOAD.replace("@SECONDS@", str(UNDO_SECONDS))
    return change_script(written) + text.replace("@RULES@", NEW if written else RULES_FILE)


def renew(host: Shell, changes: Sequence[Change]) -> None:
    """Change a host's rules as `changes` says. Raises LabError when they would let nobody in."""
    if not changes:
        return
    host.script(load_script(changes), label="security rules")
    try:
        confirm(host)
    except LabError as error:
        back = f"come back by themselves within {UNDO_SECONDS} s"
        with contextlib.suppress(LabError):  # the open connection may serve once more
            host.script(AT_ONCE, label="take the security rules back")
            back = "are back"
        raise LabError(
            f"no new connection with the changed security rules; the old ones {back}",
            where=host.name, hint="mend the lab file, then run `fab up` again",
        ) from error


def confirm(host: Shell) -> None:
    """Keep the new rules, said over a new connection. Raises LabError when none comes about."""
    with contextlib.closing(host.anew(PATIENCE)) as fresh:
        fresh.script(KEEP, label="keep the security rules", timeout=UNDO_SECONDS)
