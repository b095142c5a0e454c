"""Runs on a broker's host, by itself: looks for marks in all that the host sends and receives.

It is sent to hosts as it is, so it has nothing but Python's own library. FOLDER has a file `job`:

    {"ports": [9092], "marks": ["…"], "seconds": 60}

Once it sees packets it makes `ready`, which is empty, or says why it sees none; and once somebody
makes `stop`, it writes `found`. Where nobody does, it is gone with the folder after `seconds`.
"""

from __future__ import annotations

import json
import select
import shutil
import socket
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path

ALL = 3  # ETH_P_ALL (linux/if_ether.h)
SOL_PACKET, STATISTICS = 263, 6  # PACKET_STATISTICS: packets, and those of them that were lost
FORCED, BUFFER = 33, 32 << 20  # SO_RCVBUFFORCE, also above what others may have
TCP = 6
LOOK_SECONDS = 0.05
AT_ONCE = 100_000  # packets, more than wait in the buffer
Segment = tuple[bytes, tuple[int, int], bytes]


def segment(data: bytes) -> Segment | None:
    """Which connection a packet is of, in which direction; its ports; and what is in it. None for
    one that is not TCP's. data: from the header of IP on."""
    version = data[0] >> 4 if data else 0
    if version == 4 and len(data) >= 20:
        head, end = (data[0] & 15) * 4, struct.unpack_from(">H", data, 2)[0]
        protocol, ends = data[9], data[12:20]
    elif version == 6 and len(data) >= 40:
        head, end = 40, 40 + struct.unpack_from(">H", data, 4)[0]
        protocol, ends = data[6], data[8:40]
    else:
        return None
    if protocol != TCP or len(data) < head + 20:
        return None
    begin = head + (data[head + 12] >> 4) * 4
    source, target = struct.unpack_from(">HH", data, head)
    # The kernel says no length of what the network card is to cut into pieces.
    return ends + data[head:head + 4], (source, target), data[begin:end or len(data)]


class Search:
    """Which marks were seen at which ports, also where one lies in two packets; and how many bytes
    went through each."""

    def __init__(self, ports: list[int], marks: list[str]) -> None:
        self._marks = {mark: mark.encode() for mark in marks}
        self._kept = max((len(mark) for mark in self._marks.values()), default=1) - 1
        self._tails: dict[bytes, bytes] = {}
        self.bytes = dict.fromkeys(ports, 0)
        self.seen: dict[str, set[int]] = {}

    def packet(self, data: bytes) -> None:
        found = segment(data)
        if found is None or not found[2]:
            return
        connection, ports, content = found
        mine = [port for port in ports if port in self.bytes]
        for port in mine:
            self.bytes[port] += len(content)
        text = self._tails.get(connection, b"") + content
        for mark, sought in self._marks.items():
            if sought in text:
                # 0: at a port that nobody meant.
                self.seen.setdefault(mark, set()).update(mine or [0])
        self._tails[connection] = text[-self._kept:] if self._kept else b""

    def as_json(self, lost: int) -> str:
        seen = {mark: sorted(ports) for mark, ports in self.seen.items()}
        return json.dumps({"seen": seen, "lost": lost,
                           "bytes": {str(port): count for port, count in self.bytes.items()}})


def overhear(wire: socket.socket, search: Search, folder: Path, until: float) -> bool:
    """Look at what comes until somebody says that it is enough; whether somebody did."""
    wire.setblocking(False)
    while time.monotonic() < until and (folder / "job").exists():
        over = (folder / "stop").exists()  # what was sent before that waits to be looked at
        select.select([wire], [], [], 0 if over else LOOK_SECONDS)
        _look(wire, search)
        if over:
            return True
    return False


def _look(wire: socket.socket, search: Search) -> None:
    for _ in range(AT_ONCE):
        try:
            search.packet(wire.recv(1 << 17))
        except BlockingIOError:
            return


def main(folder: Path) -> None:
    job = json.loads((folder / "job").read_text())
    try:
        # Without the header of what is below IP, which is another one for each kind of network.
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL))
    except OSError as error:
        _write(folder / "ready", f"{error.strerror or error}")
        return
    search = Search(job["ports"], job["marks"])
    with wire:
        with suppress(OSError):
            wire.setsockopt(socket.SOL_SOCKET, FORCED, BUFFER)
        _write(folder / "ready", "")
        wanted = overhear(wire, search, folder, time.monotonic() + job["seconds"])
        lost = struct.unpack("II", wire.getsockopt(SOL_PACKET, STATISTICS, 8))[1]
    if wanted:
        _write(folder / "found", search.as_json(lost))
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, text: str) -> None:
    """The whole file or none of it."""
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
