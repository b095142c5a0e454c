"""Artifacts on the workstation: from the cache, from an official archive, or from Maven.

    obtain(kafka("3.9.2")).tar   # a plain, normalised tar of kafka_2.13-3.9.2/

What is in the cache was verified when it came and is hashed again only when the file has changed
since, so a second run costs a few short reads. Only whole files have their final names there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lab.artifacts import Artifact
from scripts.errors import LabError, UsageError, one_line
from scripts.software.kept import Kept, locked, recipe_digest, workspace
from scripts.workstation.paths import cache_dir
from scripts.workstation.screen import phase

if TYPE_CHECKING:
    from scripts.software.maven import Compile

SOURCES_VARIABLE = "KAFKALAB_KAFKA_SOURCES"
ARCHIVES = frozenset({"kafka"})  # what is published as an archive with its checksum
Say = Callable[[str], None]


@dataclass(frozen=True)
class Obtained:
    """An artifact that this machine has, ready to be sent to hosts."""

    artifact: Artifact
    tar: Path  # plain (uncompressed), normalised: see scripts.software.tar
    sha256: str  # of `tar`
    source: str  # "cache", "folder", "official archive" or "Maven"


def obtain(
    artifact: Artifact, *, sources: Sequence[str] | None = None, say: Say = print,
    near: Path = Path(), compile: Compile | None = None,
) -> Obtained:
    """The artifact from the first of `sources` that has it, kept in the cache.

    `sources` are words of `cache`, `archive` and `maven`; by default those in the environment
    variable KAFKALAB_KAFKA_SOURCES (comma separated), else all three in this order; `archive` is
    passed over for what has none. `say` gets a line for each source that failed and for what takes
    long. The jars of a folder, which is seen from `near`, are taken whatever the sources. `compile`
    is asked for what the lab has the sources of.

    Raises UsageError for another word, LabError with every source's reason when none has it.
    """
    chosen = [word for word in _chosen(sources)
              if word != "archive" or artifact.name in ARCHIVES]
    folder = cache_dir() / artifact.name
    if artifact.jars:
        return _of_folder(artifact, near / artifact.jars, folder, say)
    kept = Kept(folder / f"{artifact.folder}.tar", artifact.recipe)
    if chosen[:1] == ["cache"] and (digest := kept.stamped()):
        return Obtained(artifact, kept.tar, digest, "cache")
    reasons = []
    with locked(folder, artifact.title, say):
        for word in chosen:
            label, fetch = _SOURCES[word]
            began = time.monotonic()
            try:
                with phase(f"{artifact.title} from {label}"), workspace(folder) as work:
                    if word == "maven":
                        fetch = partial(_from_maven, compile=compile)
                    digest = fetch(artifact, kept, work, say)
            except UsageError:
                raise
            except (LabError, OSError) as error:
                told = str(error) if isinstance(error, LabError) else one_line(error)
                reasons.append(f"{label}: {told}")
                say(f"{artifact.title}: {reasons[-1]}")
                continue
            say(f"{artifact.title}: from {label} in {time.monotonic() - began:.1f} s")
            return Obtained(artifact, kept.tar, digest, label)
    raise LabError(
        f"{artifact.title} could not be had: {'; '.join(reasons)}",
        hint=f"put {artifact.folder}.tgz and {artifact.folder}.tgz.sha512 into {folder}",
    )


def _of_folder(artifact: Artifact, jars: Path, folder: Path, say: Say) -> Obtained:
    """Packed anew when one of the jars is another one."""
    from scripts.software.folder import pack, state  # noqa: PLC0415 - tarfile

    kept = Kept(folder / f"{artifact.folder}.tar", str(jars), state)
    made = state(str(jars))  # also where nothing is to be packed: it has to be there
    if digest := kept.stamped():
        return Obtained(artifact, kept.tar, digest, "cache")
    with locked(folder, artifact.title, say), workspace(folder) as work:
        whole = work / "jars.tar"
        pack(jars, artifact.folder, whole)
        return Obtained(artifact, kept.tar, _keep(whole, kept, work, recipe=made), "folder")


def _chosen(sources: Sequence[str] | None) -> list[str]:
    if sources is None:
        sources = os.environ.get(SOURCES_VARIABLE, "").split(",")
    words = [word.strip() for word in sources if word.strip()] or list(_SOURCES)
    for word in words:
        if word not in _SOURCES:
            raise UsageError(
                f"no source of software is called {word!r}",
                hint=f"{SOURCES_VARIABLE} accepts {', '.join(_SOURCES)}",
            )
    return words


def doubt(tar: Path) -> None:
    """Hash a tar of the cache anew at its next use, though it looks unchanged."""
    Kept(tar, "").stamp.unlink(missing_ok=True)


def _keep(
    source: Path,
    kept: Kept,
    work: Path,
    *,
    added: Mapping[str, bytes] | None = None,
    recipe: str | None = None,
) -> str:
    from scripts.software.tar import normalise  # noqa: PLC0415 - tarfile

    part = work / kept.tar.name
    digest = normalise(source, part, kept.tar.stem, added=added)
    kept.put(part, digest, recipe=recipe)
    return digest


def _from_cache(_artifact: Artifact, kept: Kept, work: Path, _say: Say) -> str:
    """The kept tar, or the .tgz that a person put there."""
    from scripts.software.tar import file_digest, parse_checksum  # noqa: PLC0415 - tarfile

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


def _from_archive(artifact: Artifact, kept: Kept, work: Path, _say: Say) -> str:
    from scripts.software import archive  # noqa: PLC0415 - urllib

    return _keep(archive.download(artifact, work), kept, work)


def _from_maven(
    artifact: Artifact, kept: Kept, work: Path, say: Say, *, compile: Compile | None = None
) -> str:
    from scripts.software import maven  # noqa: PLC0415 - zipfile

    say(f"{artifact.title}: building it with Maven (some 10 to 20 s the first time)")
    # Before the build: what is changed during it counts as changed after it.
    recipe = recipe_digest(artifact.recipe)
    tar, added = maven.build(artifact, work, say, compile)
    return _keep(tar, kept, work, added=added, recipe=recipe)


_SOURCES: dict[str, tuple[str, Callable[[Artifact, Kept, Path, Say], str]]] = {
    "cache": ("cache", _from_cache),
    "archive": ("official archive", _from_archive),
    "maven": ("Maven", _from_maven),
}
