"""Certificates and rights of a lab for its exercises: what brokers show, what they have refused
whom, and the way back."""

from __future__ import annotations

import datetime
import re
import shlex
from typing import Any

from lab.listeners import KINDS
from lab.rights import right
from lab.services.java import LOGS
from lab.services.secured import KEY
from scripts.clients import tls
from scripts.clients.accounts import Accounts
from scripts.drivers.doubted import doubted
from scripts.drivers.driver import Site
from scripts.workstation.authority import read
from scripts.workstation.waiting import wait_until

ANSWER_SECONDS = 60.0
# Run as root on a broker's host. A log that is full goes on in a new one.
REFUSED = """\
for log in @LOG@.1 @LOG@; do
  [ ! -e "$log" ] || grep -F @WORDS@ "$log" || true
done
"""
DENIED = re.compile(
    r"is Denied operation = (\w+) from host = \S+ on resource = (\w+):(?:LITERAL|PREFIXED):(.+?)"
    r" for request", re.IGNORECASE)
# The key of the lab's own, and mode and owner as they were.
RESTORE = """\
set -eu
umask 077
new=$(mktemp)
trap 'rm -f "$new"' EXIT
cat >"$new" <<'PEM'
@PEM@PEM
if [ -z @ANYWAY@ ] && cmp -s "$new" @KEY@; then exit 0; fi
cat "$new" >@KEY@
systemctl restart kafka.service
echo restored
"""


def certificates(site: Site) -> dict[str, Any]:
    """What each broker shows, by its number, as `lab.learning.facts` wants it."""
    kind, issued = KINDS[site.context.listens(site.datacenter).clients], site.context.issued
    found: dict[str, Any] = {}
    if not kind.closed:
        return found
    trust = tls.own(kind, issued)
    for host in site.datacenter.by_role("kafka"):
        address = site.context.reached.get((host.name, kind.outside))
        try:
            one = read(tls.certificate(address)) if address else None
        except (OSError, ValueError):
            continue
        if one and address:
            left = one.ends - datetime.datetime.now(datetime.UTC)
            found[str(host.number)] = (
                one.names, int(left.total_seconds()), tls.refusal(address, trust))
    return found


def refusals(site: Site, user: str) -> list[tuple[str, str, str]]:
    """What brokers have refused a user, each once; what one refused last comes last."""
    script = REFUSED.replace("@LOG@", f"{LOGS}/server.log").replace(
        "@WORDS@", shlex.quote(f"Principal = User:{user} is Denied "))
    said = site.fleet.each(
        lambda name: site.fleet[name].script(script, label="what was refused").stdout,
        [host.name for host in site.datacenter.by_role("kafka")],
    )
    found = [(operation.lower().replace("_", "-"), kind.lower(), name)
             for text in said.values() for operation, kind, name in DENIED.findall(text)]
    return list(dict.fromkeys(reversed(found)))[::-1]


def rights(site: Site, user: str) -> list[str]:
    """What a user was granted or denied, in lines."""
    return sorted(map(str, Accounts(site.kafka).rights().get(user, ())))


def recertified(site: Site) -> list[str]:
    """Let brokers show the lab's own certificates again; what was done, in words."""
    doubts = {host.name for host in doubted(site, site.datacenter.by_role("kafka"))}
    issued = site.context.issued.hosts

    def restore(name: str) -> str:
        script = RESTORE.replace("@PEM@", issued[name]).replace("@KEY@", KEY).replace(
            "@ANYWAY@", "yes" if name in doubts else "''")
        return site.fleet[name].script(script, label="the lab's own certificate").stdout

    def settled() -> bool:
        shown = certificates(site)
        return all(str(host.number) in shown and not shown[str(host.number)][2]
                   for host in site.datacenter.by_role("kafka") if said[host.name])

    said = site.fleet.each(restore, [host.name for host in site.datacenter.by_role("kafka")])
    if any(said.values()):
        wait_until(settled, timeout=ANSWER_SECONDS, where=site.name,
                   message="a broker does not show the lab's own certificate")
    return [f"{name}: the lab's own certificate is back" for name, text in said.items() if text]


def ungranted(site: Site, user: str) -> list[str]:
    """Take away what a user was granted beside what the lab file says; what was done, in words."""
    mine = {right(line) for one in site.lab.users if one.name == user for line in one.acls}
    accounts = Accounts(site.kafka)
    beyond = sorted(accounts.rights().get(user, set()) - mine)
    accounts.revoke(user, beyond)
    return [f"{site.name}: {user} may no more {one}" for one in beyond]
