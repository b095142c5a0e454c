"""One shape for every Kafka distribution: a plain tar that is the same, byte for byte, each time.

Whatever made an archive (Apache, Maven, a person), hosts get members in one order, of one owner and
one time, so that its SHA-256 names its content and a class-data archive made on one host is valid
on every other. A plain tar, since unpacking gzip costs each host more CPU than sending the bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, BinaryIO

from lab.artifacts import PREFIX
from scripts.errors import LabError, one_line

# Seconds since 1970. A JVM compares each jar's time with the one its class-data archive was made
# with, so the time must not depend on when or by whom the distribution was made.
MTIME = 1_700_000_000
_CHUNK = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
# What can stand in a quoted java argument file and between colons without any escaping.
_JAR = re.compile(r"[A-Za-z0-9._+-]+\.jar")
_LEFT_OUT = "site-docs"
_LIBS = ("libs/", "lib/")  # where the jars are, by who laid it out


def parse_checksum(text: str, *, digits: int) -> str:
    """The digest in a checksum file, in lower case; `digits` is its length in hex digits.

    Apache's form has `NAME:` and groups of digits over several lines; the coreutils form has the
    digits and the name; bare digits do too. Raises LabError when it is none of these.
    """
    body = text.partition(":")[2] if ":" in text else text
    words = body.split()
    if words and len(words[0]) == digits:
        words = words[:1]
    digest = "".join(words).lower()
    if len(digest) != digits or not re.fullmatch(r"[0-9a-f]+", digest):
        raise LabError(f"no checksum of {digits} hex digits in {one_line(text, 60)!r}")
    return digest


def file_digest(path: Path, algorithm: str) -> str:
    """The hex digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def normalise(
    source: Path, target: Path, name: str, *, added: Mapping[str, bytes] | None = None
) -> str:
    """Write the distribution in `source` (tar or tar.gz) to `target` and return its SHA-256.

    `name` is the one folder that the archive must hold. `added` maps paths below it to content that
    the archive lacks. Raises LabError when the archive is damaged or has a member that an unpacking
    root must not meet: outside the folder, a link, a device.
    """
    try:
        with tarfile.open(_plain(source, target.parent), "r:") as archive:
            members = _checked(archive, name)
            extra = dict(added or {}) | _describe_libs(members, name)
            with target.open("wb") as file:
                sink = _Hashing(file)
                _write(archive, members, extra, name, sink)
                file.flush()
                os.fsync(file.fileno())
    except (tarfile.TarError, EOFError, gzip.BadGzipFile) as error:
        raise LabError(f"{source.name} is damaged: {one_line(error)}") from error
    return sink.digest.hexdigest()


def _plain(source: Path, folder: Path) -> Path:
    """`source`, or an unpacked copy in `folder`: members are not read in the order they lie in."""
    with source.open("rb") as file:
        if file.read(len(_GZIP_MAGIC)) != _GZIP_MAGIC:
            return source
    plain = folder / f"{source.name}.plain"
    with gzip.open(source) as packed, plain.open("wb") as file:
        shutil.copyfileobj(packed, file, _CHUNK)
    return plain


def _checked(archive: tarfile.TarFile, name: str) -> dict[str, tarfile.TarInfo]:
    """The files to keep, by path below `name`; a path that comes twice is the later one's."""
    files: dict[str, tarfile.TarInfo] = {}
    for member in archive:
        parts = member.name.removeprefix("./").split("/")
        if member.name.startswith("/") or ".." in parts or "\0" in member.name:
            raise LabError(f"the archive has the unsafe member {member.name!r}")
        if parts[0] != name:
            raise LabError(f"the archive holds {parts[0]!r}, not {name}/")
        if member.isdir():
            continue
        if not member.isfile():
            raise LabError(f"the archive has {member.name!r}, which is neither a file nor a folder")
        path = "/".join(part for part in parts[1:] if part not in ("", "."))
        if not path:
            raise LabError(f"the archive has a file where its folder {name}/ should be")
        if path.split("/")[0] != _LEFT_OUT:
            files[path] = member
    return files


def _describe_libs(members: Mapping[str, tarfile.TarInfo], name: str) -> dict[str, bytes]:
    """`classpath.args` for `java @FILE`, and `.manifest`, by which a host tells a whole tree."""
    folder = next((one for one in _LIBS if any(path.startswith(one) for path in members)), _LIBS[0])
    libs = sorted(path for path in members if path.startswith(folder))
    jars = [path for path in libs if path.endswith(".jar") and path.count("/") == 1]
    if not jars:
        raise LabError(f"the archive has no jar in {name}/{folder}")
    for jar in jars:
        if not _JAR.fullmatch(jar.removeprefix(folder)):
            raise LabError(f"the jar {jar!r} has a name that no class path can hold")
    class_path = ":".join(f"{PREFIX}/{name}/{jar}" for jar in jars)
    manifest = "".join(f"{members[path].size} {path.removeprefix(folder)}\n" for path in libs)
    return {"classpath.args": f'-cp "{class_path}"\n'.encode(), ".manifest": manifest.encode()}


def _write(
    archive: tarfile.TarFile,
    members: Mapping[str, tarfile.TarInfo],
    extra: Mapping[str, bytes],
    name: str,
    sink: _Hashing,
) -> None:
    paths = members.keys() | extra.keys()
    folders = {path[: match.start()] for path in paths for match in re.finditer("/", path)} | {""}
    # As a stream: nothing is written twice, so what is hashed on the way is the file.
    with tarfile.open(fileobj=sink, mode="w|", bufsize=_CHUNK, format=tarfile.PAX_FORMAT) as out:
        out.copybufsize = _CHUNK  # type: ignore[attr-defined]
        for path in sorted(paths | folders, key=os.fsencode):
            full = f"{name}/{path}" if path else name
            if path in folders:
                out.addfile(_entry(full, tarfile.DIRTYPE, 0, 0o755))
                continue
            mode = 0o755 if path.startswith("bin/") and path.endswith(".sh") else 0o644
            if path in extra:
                content: IO[bytes] = io.BytesIO(extra[path])
                size = len(extra[path])
            else:
                content = _content(archive, members[path])
                size = members[path].size
            out.addfile(_entry(full, tarfile.REGTYPE, size, mode), content)


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member)
    if content is None:
        raise LabError(f"the archive has no content for {member.name!r}")
    return content


def _entry(name: str, kind: bytes, size: int, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.size, entry.mode, entry.mtime = kind, size, mode, MTIME
    return entry


class _Hashing(io.RawIOBase):
    """A file that knows the SHA-256 of what was written, so that it need not be read again."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.digest.update(data)
        return self.file.write(data)
