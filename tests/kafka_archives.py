"""Small archives with the layout of Kafka's own, for the tests of the distribution."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

VERSION = "3.9.2"
NAME = f"kafka_2.13-{VERSION}"
FILES = {
    "LICENSE": b"license",
    "bin/kafka-topics.sh": b"#!/bin/sh\n",
    "bin/windows/kafka-topics.bat": b"rem\n",
    "config/server.properties": b"broker.id=0\n",
    "libs/zookeeper-3.8.4.jar": b"zookeeper",
    "libs/kafka_2.13-3.9.2.jar": b"core",
    "libs/Upper-1.jar": b"sorts first",
    "licenses/MIT": b"mit",
    "site-docs/kafka_2.13-3.9.2-site-docs.tgz": b"docs",
}


def member(
    name: str, *, kind: bytes = tarfile.REGTYPE, size: int = 0, mtime: int = 1
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mtime, info.uid, info.mode = kind, size, mtime, 1000, 0o600
    return info


def write_archive(
    path: Path,
    files: Mapping[str, bytes] = FILES,
    *,
    top: str = NAME,
    more: Iterable[tarfile.TarInfo] = (),
    mtime: int = 1,
) -> Path:
    """An archive of `files` below `top`, in their order, then `more`; gzip if `path` says so."""
    mode = "w:gz" if path.suffix == ".tgz" else "w:"
    with tarfile.open(path, mode) as archive:
        archive.addfile(member(f"{top}/", kind=tarfile.DIRTYPE))
        for name, content in files.items():
            info = member(f"{top}/{name}", size=len(content), mtime=mtime)
            archive.addfile(info, io.BytesIO(content))
        for info in more:
            archive.addfile(info)
    return path


def sha512_line(path: Path) -> str:
    """The checksum of `path` as Apache publishes it: in groups, over several lines."""
    digest = hashlib.sha512(path.read_bytes()).hexdigest().upper()
    groups = [digest[at : at + 8] for at in range(0, len(digest), 8)]
    lines = [" ".join(groups[at : at + 6]) for at in range(0, len(groups), 6)]
    return f"{path.name}: " + "\n  ".join(lines) + "\n"
