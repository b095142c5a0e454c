"""Artifacts that are the jars of a folder on this machine: a person's own plug-ins."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

from scripts.errors import LabError


def jars(folder: Path) -> dict[str, Path]:
    """The jars in a folder and below it, by their names. Raises LabError where there are none, or
    two of the same name."""
    if not folder.is_dir():
        raise LabError("there is no such folder", where=str(folder))
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.jar")):
        if path.name in found:
            raise LabError(f"{path.name} is there twice", where=str(folder),
                           hint="a plug-in is all jars of its folder, and one of each name")
        found[path.name] = path
    if not found:
        raise LabError("there is no jar in it", where=str(folder))
    return found


def state(folder: str) -> str:
    """What tells whether the jars are others than they were, without reading them."""
    told = hashlib.sha256()
    for name, path in jars(Path(folder)).items():
        stat = path.stat()
        told.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return told.hexdigest()


def pack(folder: Path, name: str, target: Path) -> None:
    """Write the jars to a tar, as `name`/libs."""
    with tarfile.open(target, "w") as archive:
        for jar, path in jars(folder).items():
            archive.add(path.resolve(), f"{name}/libs/{jar}")
