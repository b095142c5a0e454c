"""What brokers have run since their logs begin, and which protocol they speak now."""

from __future__ import annotations

import re
from typing import Any

from lab import upgrade
from lab.services.java import LOGS
from lab.services.kafka import CONFIG
from scripts.drivers.driver import Site

# Run as root on a broker's host: its protocol, if its settings name one, and when (ms since 1970)
# each start came to its end, with the version. A log that is full goes on in a new one. Tells
# nothing where no broker runs.
LIVED = """\
systemctl is-active -q kafka || exit 0
grep '^@PROTOCOL@=' @CONFIG@
for log in @LOG@.1 @LOG@; do
  [ ! -e "$log" ] || sed -n \
    's/^\\[\\([^],]*\\),\\([0-9]*\\)\\] INFO Kafka version: \\([0-9.]*\\) .*/\\1.\\2 \\3/p' "$log"
done | while read -r day time version; do
  echo "start $(date -d "$day $time" +%s%3N) $version"
done
"""


def lived(site: Site) -> dict[str, dict[str, Any]]:
    """By the number of each broker that runs, as `lab.learning.facts` wants it."""
    script = LIVED
    for mark, text in (("@PROTOCOL@", upgrade.PROTOCOL.replace(".", "[.]")), ("@CONFIG@", CONFIG),
                       ("@LOG@", f"{LOGS}/server.log")):
        script = script.replace(mark, text)
    numbers = {host.name: str(host.number) for host in site.datacenter.by_role("kafka")}
    said = site.fleet.each(
        lambda name: site.fleet[name].script(script, label="what it has run", check=False).stdout,
        numbers,
    )
    return {numbers[name]: found for name, text in said.items() if (found := told(text))}


def told(text: str) -> dict[str, Any]:
    """What a host told; {} for nothing."""
    starts = [(int(at), version) for at, version in
              re.findall(r"^start (\d+) (\S+)$", text, re.MULTILINE)]
    return {"starts": starts, "protocol": upgrade.spoken(text, starts[-1][1])} if starts else {}
