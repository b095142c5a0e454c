"""Plain bulk loaders, against which sinks are measured: what a store takes from its own client.

Each makes its requests before its clock starts, and has nothing to do with Connect. The loader of
HBase is a program in Java (Loader.java), which takes a JDK here, and runs on the host of the store,
as the sink does; the other one sends from this machine over one connection.
"""

from __future__ import annotations

import http.client
import json
import re
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.measure import BenchError, tail
from lab import artifacts
from lab.drills.sink import name
from lab.services import hbase
from lab.services.context import JAVA
from lab.services.stores import STORES
from scripts.drills.carried import Carrier
from scripts.drills.stock import INDEX
from scripts.drills.topics import KEYS
from scripts.software.obtain import obtain
from scripts.workstation import process

BATCH = 2_000  # documents or rows in a request; the sinks' own default
PROGRAM = Path(__file__).with_name("Loader.java")
CLASSES, ROWS = "classes", "rows.tsv"
FOLDER = "/var/tmp/kafkalab-bench"  # on the host
HEAP_MB = 512
LOAD_S = 300.0
LOADED = re.compile(r"^loaded in ([\d.]+) s$", re.MULTILINE)
Documents = Iterable[tuple[int, bytes]]  # numbers and values


def load(carrier: Carrier, documents: Documents) -> float:
    """Seconds until the store of a sink has acknowledged all, from a table or an index that is
    there and has nothing in it. Raises BenchError and LabError."""
    carrier.stock().drop()
    return (_rows if carrier.sink.kind == hbase.KIND else _documents)(carrier, documents)


def _documents(carrier: Carrier, documents: Documents) -> float:
    settings = json.loads(carrier.settings()["index.settings"])
    lines = [
        b'{"index":{"_id":"%d","version":%d,"version_type":"external"}}\n%s\n'
        % (number, number + 1, value) for number, value in documents
    ]
    bodies = [b"".join(lines[at:at + BATCH]) for at in range(0, len(lines), BATCH)]
    address = carrier.site.context.reached[carrier.host.name, STORES[carrier.sink.kind].port]
    connection = http.client.HTTPConnection(*address, timeout=60)
    _ask(connection, "PUT", f"/{INDEX}", json.dumps({"settings": settings}).encode())
    began = time.monotonic()
    for body in bodies:
        if json.loads(_ask(connection, "POST", f"/{INDEX}/_bulk", body))["errors"]:
            raise BenchError("the store refused documents of the loader")
    return time.monotonic() - began


def _ask(connection: http.client.HTTPConnection, method: str, path: str, body: bytes) -> bytes:
    connection.request(method, path, body, {"Content-Type": "application/x-ndjson"
                                            if path.endswith("_bulk") else "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 300:
        raise BenchError(f"{method} {path}: {answer.status} {text[:300]!r}")
    return text


def _rows(carrier: Carrier, documents: Documents) -> float:
    host = carrier.site.fleet[carrier.host.name]
    with tempfile.TemporaryDirectory() as folder:
        classes, rows = compiled(Path(folder)), Path(folder) / ROWS
        rows.write_text("".join(rows_of(documents, by_key=carrier.by_key)), encoding="utf-8")
        archive = Path(folder) / "loader.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(classes, CLASSES)
            tar.add(rows, ROWS)
        host.script(f"rm -rf {FOLDER} && mkdir -m 700 {FOLDER}", label="loader's folder")
        try:
            host.upload(archive, f"tar --no-same-owner -x -C {FOLDER}", label="loader")
            said = host.script(script(), label="load", timeout=LOAD_S).stdout
        finally:
            host.script(f"rm -rf {FOLDER}", label="loader's folder")
    if not (found := LOADED.search(said)):
        raise BenchError(f"the loader told no time:\n{tail(said)}")
    return float(found[1])


def compiled(folder: Path) -> Path:
    """The folder of the loader's classes, made below `folder`. Raises CommandError."""
    hbases = obtain(artifacts.hbase())
    with tarfile.open(hbases.tar) as tar:
        tar.extractall(folder, filter="data", members=(
            one for one in tar if one.name.endswith(".jar")
        ))
    classes = folder / CLASSES
    process.run(
        ["javac", "-J-XX:+UseSerialGC", "-J-XX:TieredStopAtLevel=1", "--release", "17",
         "-cp", f"{folder}/{hbases.artifact.folder}/libs/*", "-d", str(classes), str(PROGRAM)],
        hint="it takes a JDK, as in Debian's package openjdk-17-jdk-headless",
    )
    return classes


def script() -> str:
    """What runs the loader on its host; the JVM has Java's own choice of compilers and collector,
    as anybody's program has."""
    path = f"{hbase.FOLDER}:{artifacts.hbase().home}/libs/*:{FOLDER}/{CLASSES}"
    words = " ".join((JAVA, f"-Xmx{HEAP_MB}m", *hbase.OPENING))
    return f"{words} -cp '{path}' Loader {INDEX} {hbase.FAMILY} {BATCH} <{FOLDER}/{ROWS}\n"


def rows_of(documents: Documents, *, by_key: bool) -> Iterator[str]:
    """The rows that the sink makes of a topic which has these, in the order in which they were
    written: named by their place in it, or by their keys."""
    offsets: Counter[int] = Counter()
    for number, value in documents:
        partition = number % KEYS
        offset = offsets[partition]
        offsets[partition] += 1
        row = name(number) if by_key else f"{INDEX}+{partition}+{offset:012d}"
        cells = (part for field, one in json.loads(value).items() for part in (field, str(one)))
        yield "\t".join((row, str(offset), *cells)) + "\n"
