"""Listeners that take Kerberos' tickets, tried from the control host as people there do."""

from __future__ import annotations

import base64
import secrets
import shlex
from collections.abc import Iterator

from lab.artifacts import PREFIX
from lab.listeners import KERBEROS, KINDS
from lab.services.kdc import OF_USERS, servers, users
from lab.services.secured import realm
from scripts.drivers.driver import Site
from scripts.drivers.tries import Try
from scripts.errors import LabError
from scripts.workstation.keytabs import keytab

NAME, SECONDS = "kafka", 120.0
# One line for each try: "answers", or why not. Tickets lie in a folder of this run's alone; kcat is
# on no host of Amazon Linux.
ASK = """\
umask 077
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
base64 -d >"$folder/another" <<'KEYS'
@ANOTHER@
KEYS
export KRB5CCNAME=FILE:$folder/tickets
ask() {
  rm -f "$folder/tickets"
  if command -v kcat >/dev/null; then
    timeout 30 kcat -F @SETTINGS@.conf -X sasl.kerberos.keytab="$1" -b "$2" -L -m 5
  else
    sed "s|@SETTINGS@.keytab|$1|" @SETTINGS@.properties >"$folder/settings"
    timeout 30 @TOOL@ --bootstrap-server "$2" --command-config "$folder/settings"
  fi >"$folder/said" 2>&1 </dev/null && echo answers || {
    grep -m 1 -iE 'preauth|pre-auth|authentication|ticket|error' "$folder/said" || echo no answer
  }
}
"""


def tickets_tried(site: Site) -> Iterator[Try]:
    """With the keys of the first user, at each broker; and with keys that are not this user's, at
    the first. Raises LabError where the control host cannot be asked, or there is no user."""
    names = users(site.context, site.datacenter)
    if not names:
        return
    user, brokers = names[0], site.carriers(NAME)
    who, mine = f"{user}@{realm(site.datacenter)}", f"{OF_USERS}/{user}"
    another = base64.b64encode(keytab(who, secrets.token_urlsafe(12))).decode()
    tries = [(host, server, f"{mine}.keytab", f"{user}'s keys", True)
             for host, server in zip(brokers, servers(site.datacenter).split(","), strict=True)]
    tries.append((brokers[0], tries[0][1], '"$folder/another"', "another's keys", False))
    script = ASK.replace("@ANOTHER@", another).replace("@SETTINGS@", mine).replace(
        "@TOOL@", f"{PREFIX}/kafka/bin/kafka-broker-api-versions.sh")
    script += "".join(f"ask {keys} {shlex.quote(server)}\n" for _, server, keys, _, _ in tries)
    seed = site.datacenter.seed
    answers = site.fleet[seed.name].script(
        script, label="try tickets", timeout=SECONDS).stdout.splitlines()
    if len(answers) != len(tries):
        raise LabError("did not try all listeners", where=seed.name, hint="run it again")
    for (host, _, _, what, meant), answer in zip(tries, answers, strict=True):
        yield Try(host.name, KINDS[KERBEROS].internal, what, meant,
                  "" if answer == "answers" else answer.strip().lower())
