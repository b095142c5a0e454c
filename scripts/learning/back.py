"""The way back to the first state of an exercise, from wherever it was left, also by a kill."""

from __future__ import annotations

from collections.abc import Iterable

from scripts.drivers.driver import Site
from scripts.learning.shell import MARK

AWAKE_SECONDS = 60.0
# Runs as root on each host where a script of an exercise may have begun something. A shell that has
# only just come by SSH, and has begun nothing yet, has the mark in what it is to do.
ENDED = """\
found() {
  { grep -lzxsF '@MARK@=@EXERCISE@' /proc/[0-9]*/environ
    grep -lzsE '[e]xport\\\\? @MARK@=@EXERCISE@\\\\?;' /proc/[0-9]*/cmdline
  } | cut -d / -f 3 | sort -u
}
[ -z "$(found)" ] && exit 0
echo ended
for try in $(seq 100); do
  left=$(found)
  [ -z "$left" ] && exit 0
  # What hears no polite word within 5 s gets another one.
  kill -s "$([ "$try" -lt 50 ] && echo TERM || echo KILL)" $left 2>/dev/null || true
  sleep 0.1
done
exit 1
"""
AWAKE = """\
systemctl kill --signal=CONT kafka 2>/dev/null || true
systemctl is-active -q kafka || { systemctl start kafka && echo started; }
"""


def ended(site: Site, hosts: Iterable[str], exercise: str) -> list[str]:
    """End what scripts of an exercise began on hosts and did not end: one that was killed leaves
    consumers and producers behind."""
    script = ENDED.replace("@MARK@", MARK).replace("@EXERCISE@", exercise)
    found = site.fleet.each(
        lambda name: site.fleet[name].script(script, label="end what is left").stdout,
        dict.fromkeys(hosts),
    )
    return [f"{name}: what was left running is ended" for name, said in found.items() if said]


def awake(site: Site) -> list[str]:
    """Start brokers that the exercise stopped or held, and wait until the cluster is whole."""
    found = site.fleet.each(
        lambda name: site.fleet[name].script(AWAKE, label="start the broker").stdout,
        [host.name for host in site.datacenter.by_role("kafka")],
    )
    site.kafka.wait_healthy(AWAKE_SECONDS)
    return [f"{name}: broker started" for name, said in found.items() if "started" in said]
