"""What each broker's host has left: heap and disk, by one small script over SSH."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence

from lab.picture.heap import heap
from lab.picture.snapshot import Room, Thing
from lab.services.java import USER
from lab.services.kafka import DATA
from lab.services.registry import SERVICES
from lab.topology import Host
from scripts.drivers.driver import Site

SECONDS = 20.0
# Three lines: free and all bytes of the file system, bytes of the logs (of their sparse files what
# they really take), and what the JVM counts. It reads; nothing of Java is started.
READ = """\
df -B1 --output=avail,size {data} | tail -n 1
du -sB1 {data} | cut -f1
pid=$(systemctl show -p MainPID --value {unit})
base64 -w0 /tmp/hsperfdata_{user}/"$pid" 2>/dev/null
exit 0
"""


class Rooms:
    """The room that one broker has."""

    seconds = SECONDS

    def __init__(self, site: Site, host: Host) -> None:
        self._site, self._host = site, host
        self.name = f"room of {host.name}"
        self._script = READ.format(data=DATA, user=USER, unit=SERVICES["kafka"].unit)

    def look(self) -> Sequence[Thing]:
        host = self._site.fleet[self._host.name]
        try:
            answer = host.script(self._script, label="look at its room", timeout=self.seconds)
        except Exception:
            # The connection may be one to a host that was killed and is back since.
            host.close()
            raise
        return (room(self._site.name, self._host.number, answer.stdout),)

    def gone(self) -> Sequence[Thing]:
        return (Room(self._site.name, self._host.number),)


def room(datacenter: str, broker: int, said: str) -> Room:
    """What the script printed."""
    lines = [*said.splitlines(), "", "", ""]
    free, disk = [*_numbers(lines[0]), None, None][:2]
    logs = [*_numbers(lines[1]), None][0]
    used, most = _heap(lines[2]) or (None, None)
    return Room(datacenter, broker, used, most, logs, free, disk)


def rooms(site: Site) -> Iterator[Rooms]:
    for host in site.datacenter.by_role("kafka"):
        yield Rooms(site, host)


def _numbers(line: str) -> list[int]:
    return [int(word) for word in line.split() if word.isdecimal()]


def _heap(text: str) -> tuple[int, int] | None:
    try:
        return heap(base64.b64decode(text))
    except binascii.Error:
        return None
