"""`python -m scripts.drills.recorder FILE DATACENTER…`: looks at the lab until its standard input
ends, and writes what was seen.

A process of its own: a drill measures its clients, which should wait for nobody who looks on; nor
should a drill end because a client of a look does not outlive the broker that is killed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from scripts.errors import LabError
from scripts.picture.watching import watching
from scripts.session import Session

SECONDS = 3600.0  # of a drill that are kept


def main(file: str, *datacenters: str) -> int:
    session = Session()
    chosen = [session.topology.datacenter(name) for name in datacenters]
    try:
        with watching(session, chosen, SECONDS) as feed:
            sys.stdin.buffer.read()
    except LabError as error:
        print(error)
        return 1
    Path(file).write_text(json.dumps(feed.history.as_json()), encoding="utf-8")
    if feed.failed:
        print(repr(feed.failed))
    return 1 if feed.failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
