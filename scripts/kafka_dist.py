"""The Kafka distribution on the workstation: from the cache, from Apache's archive, or from Maven.

    obtain("3.9.2").tar   # a plain, normalised tar of kafka_2.13-3.9.2/

What is in the cache was verified when it came and is hashed again only when the file has changed
since, so a second run costs a few short reads. Only whole files have their final names there.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.errors import LabError, UsageError
from scripts.paths import PROJECT, cache_dir
from scripts.progress import phase

DIST = PROJECT / "dist"
SOURCES_VARIABLE = "KAFKALAB_KAFKA_SOURCES"
# The Scala line of the jars: Kafka 3.x publishes 2.12 as well, but recommends this one.
SCALA = "2.13"
_PART = ".part-"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Distribution:
    """One Kafka release, ready to be sent to hosts."""

    name: str  # the one folder in the archive: "kafka_2.13-3.9.2"
    version: str
    tar: Path  # plain (uncompressed), normalised: see scripts.kafka_tar
    sha256: str  # of `tar`
    source: str  # "cache", "official archive" or "Maven"


def obtain(version: str, *, sources: Sequence[str] | None = None, say: Say = print) -> Distribution:
    """The distribution of `version` from the first of `sources` that has it, kept in the cache.

    `sources` are words of `cache`, `archive` and `maven`; by default those in the environment
    variable KAFKALAB_KAFKA_SOURCES (comma separated), else all three in this order. `say` gets a
    line for each source that failed and for what takes long.

    Raises UsageError for another word, LabError with every source's reason when none has it.
    """
    chosen = _chosen(sources)
    name = f"kafka_{SCALA}-{version}"
    folder = cache_dir() / "kafka"
    kept = _Kept(folder / f"{name}.tar")
    if chosen[0] == "cache" and (digest := kept.stamped()):
        return Distribution(name, version, kept.tar, digest, "cache")
    reasons = []
    with _locked(folder, say):
        for word in chosen:
            label, fetch = _SOURCES[word]
            began = time.monotonic()
            try:
                with phase(f"Kafka from {label}"), _workspace(folder) as work:
                    digest = fetch(version, kept, work, say)
            except UsageError:
                raise
            except (LabError, OSError) as error:
                reasons.append(f"{label}: {' '.join(str(error).split())}")
                say(f"Kafka {version}: {reasons[-1]}")
                continue
            say(f"Kafka {version}: from {label} in {time.monotonic() - began:.1f} s")
            return Distribution(name, version, kept.tar, digest, label)
    raise LabError(
        f"Kafka {version} could not be had: {'; '.join(reasons)}",
        hint=f"put {name}.tgz and {name}.tgz.sha512 into {folder}",
    )


def _chosen(sources: Sequence[str] | None) -> list[str]:
    if sources is None:
        sources = os.environ.get(SOURCES_VARIABLE, "").split(",")
    words = [word.strip() for word in sources if word.strip()] or list(_SOURCES)
    for word in words:
        if word not in _SOURCES:
            raise UsageError(
                f"no source of Kafka is called {word!r}",
                hint=f"{SOURCES_VARIABLE} accepts {', '.join(_SOURCES)}",
            )
    return words


def doubt(tar: Path) -> None:
    """Hash a tar of the cache anew at its next use, though it looks unchanged."""
    _Kept(tar).stamp.unlink(missing_ok=True)


class _Kept:
    """A tar in the cache, with its SHA-256 beside it and a stamp of when that was last true.

    One that we laid out ourselves also has the digest of `dist/` beside it, so that a wrapper that
    was repaired there does not stay broken in the cache.
    """

    def __init__(self, tar: Path) -> None:
        self.tar = tar
        self.checksum = tar.with_name(f"{tar.name}.sha256")
        self.stamp = tar.with_name(f"{tar.name}.verified")
        self.recipe = tar.with_name(f"{tar.name}.recipe")

    def stamped(self) -> str | None:
        """The digest, if the file is as it was when it was last hashed."""
        try:
            digest = self.checksum.read_text().split()[0]
            known = self.stamp.read_text() == self._state(digest)
            return digest if known and not self.outdated() else None
        except (OSError, IndexError):
            return None

    def outdated(self) -> bool:
        """Whether `dist/` has changed since it was laid out from there."""
        try:
            return self.recipe.read_text() != _recipe()
        except FileNotFoundError:
            return False

    def verify(self) -> str:
        """The digest, hashing only if it must; what is damaged is removed. Raises LabError."""
        from scripts.kafka_tar import file_digest, parse_checksum  # noqa: PLC0415 - see `_keep`

        if digest := self.stamped():
            return digest
        if self.outdated():
            raise LabError(f"{self.tar} was made from another dist/ than this one")
        try:
            digest = parse_checksum(self.checksum.read_text(), digits=64)
            if file_digest(self.tar, "sha256") == digest:
                self._put(self.stamp, self._state(digest))
                return digest
            reason = "its SHA-256 is not the one beside it"
        except FileNotFoundError:
            reason = "it has no SHA-256 beside it"
        except LabError as error:
            reason = str(error)
        self.remove()
        raise LabError(f"{self.tar} is refused and removed: {reason}")

    def put(self, part: Path, digest: str, *, recipe: str | None) -> None:
        """Give a finished tar its place. Cut off anywhere, what is left is refused or complete.

        An older tar stays until the new one takes its name: another run may be about to send it.
        """
        self.stamp.unlink(missing_ok=True)
        self.recipe.unlink(missing_ok=True)
        if recipe:
            self._put(self.recipe, recipe)
        self._put(self.checksum, f"{digest}  {self.tar.name}\n")
        part.replace(self.tar)
        self._put(self.stamp, self._state(digest))

    def remove(self) -> None:
        """Forget the tar and all that is known about it."""
        for path in (self.stamp, self.tar, self.checksum, self.recipe):
            path.unlink(missing_ok=True)

    def _state(self, digest: str) -> str:
        stat = self.tar.stat()
        return f"{digest} {stat.st_size} {stat.st_mtime_ns}\n"

    @staticmethod
    def _put(path: Path, text: str) -> None:
        """Write a small file so that it is never seen half."""
        part = path.with_name(f"{_PART}{path.name}")
        part.write_text(text)
        part.replace(path)


# The imports inside these three: a second run needs none of tarfile, urllib and zipfile, and `fab`
# imports this module before it knows which task is asked for.


def _keep(
    source: Path,
    kept: _Kept,
    work: Path,
    *,
    added: Mapping[str, bytes] | None = None,
    recipe: str | None = None,
) -> str:
    from scripts.kafka_tar import normalise  # noqa: PLC0415

    part = work / kept.tar.name
    digest = normalise(source, part, kept.tar.stem, added=added)
    kept.put(part, digest, recipe=recipe)
    return digest


def _recipe() -> str:
    """The digest of everything in `dist/`."""
    digest = hashlib.sha256()
    for path in sorted(path for path in DIST.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(DIST)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _from_cache(_version: str, kept: _Kept, work: Path, _say: Say) -> str:
    """The kept tar, or the .tgz that a person put there."""
    from scripts.kafka_tar import file_digest, parse_checksum  # noqa: PLC0415

    problem = f"nothing in {kept.tar.parent}"
    if kept.tar.exists():
        try:
            return kept.verify()
        except LabError as error:
            problem = str(error)
    tgz = kept.tar.with_suffix(".tgz")
    if not tgz.exists():
        raise LabError(problem)
    published = tgz.with_name(f"{tgz.name}.sha512")
    if not published.exists():
        raise LabError(f"{tgz} has no {published.name} beside it")
    if file_digest(tgz, "sha512") != parse_checksum(published.read_text(), digits=128):
        raise LabError(f"{tgz} is refused: its SHA-512 is not the one beside it")
    return _keep(tgz, kept, work)


def _from_archive(version: str, kept: _Kept, work: Path, _say: Say) -> str:
    from scripts import kafka_archive  # noqa: PLC0415

    return _keep(kafka_archive.download(version, kept.tar.stem, work), kept, work)


def _from_maven(version: str, kept: _Kept, work: Path, say: Say) -> str:
    from scripts import kafka_maven  # noqa: PLC0415

    say(f"Kafka {version}: building it with Maven (some 10 to 20 s the first time)")
    # Before the build: what is changed during it counts as changed after it.
    recipe = _recipe()
    tar, added = kafka_maven.build(version, work, say)
    return _keep(tar, kept, work, added=added, recipe=recipe)


_SOURCES: dict[str, tuple[str, Callable[[str, _Kept, Path, Say], str]]] = {
    "cache": ("cache", _from_cache),
    "archive": ("official archive", _from_archive),
    "maven": ("Maven", _from_maven),
}


@contextmanager
def _locked(folder: Path, say: Say) -> Iterator[None]:
    """Only one run fetches; the others wait and then find it in the cache.

    The lock goes with its process, so a killed run leaves none; what it left half-done is swept.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise LabError(f"the cache cannot be written: {error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is fetching Kafka; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(f"{_PART}*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield


@contextmanager
def _workspace(folder: Path) -> Iterator[Path]:
    """A folder for what is not whole yet, on the cache's own file system so that a rename does."""
    with tempfile.TemporaryDirectory(prefix=_PART, dir=folder) as path:
        yield Path(path)
