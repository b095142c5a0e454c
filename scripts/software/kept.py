"""A tar that is kept in the cache, and whether it can be trusted."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.errors import LabError, one_line

RECIPES = Path(__file__).parent / "recipes"
SHARED = Path(__file__).parent / "shared"
NAMING = "shared.toml"  # in a recipe: which folders of SHARED are part of it
PART = ".part-"
# What a host says of a tar that arrived as another one than it left here.
CORRUPT = "the archive that arrived is corrupt"


class Kept:
    """A tar in the cache, with its SHA-256 beside it and a stamp of when that was last true.

    One that we laid out ourselves also has the digest of its recipe beside it, so that a wrapper
    that was repaired there does not stay broken in the cache.
    """

    def __init__(
        self, tar: Path, made_from: str, told: Callable[[str], str] | None = None
    ) -> None:
        """`made_from`: the recipe that it is laid out by, where it is (Artifact.recipe); or what
        else it is made from, of which `told` gives the digest."""
        self.tar, self.made_from, self._told = tar, made_from, told or recipe_digest
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
        """Whether what it is made from has changed since."""
        try:
            return self.recipe.read_text() != self._told(self.made_from)
        except FileNotFoundError:
            return False

    def verify(self) -> str:
        """The digest, hashing only if it must; what is damaged is removed. Raises LabError."""
        from scripts.software.tar import file_digest, parse_checksum  # noqa: PLC0415 - see `_keep`

        if digest := self.stamped():
            return digest
        if self.outdated():
            raise LabError(f"{self.tar} was made from another recipe than this one")
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
        part = path.with_name(f"{PART}{path.name}")
        part.write_text(text)
        part.replace(path)


def recipe_files(recipe: str) -> dict[str, Path]:
    """The files of a recipe by their paths in it: those of all variants, and those of its own.

    Variants are folders with a number for a name: what is laid out in another way since then. Files
    of shared folders that it names are as if they lay in it; what it has itself goes before them.
    """
    name, _, variant = recipe.partition("/")
    folder = RECIPES / name
    found = {
        path: file for path, file in _files(folder).items() if not Path(path).parts[0].isdigit()
    }
    if NAMING in found:
        for one in tomllib.loads(found[NAMING].read_text())["folders"]:
            found = _files(SHARED / one) | found
    if variant:
        found |= _files(folder / variant)
    return found


def _files(folder: Path) -> dict[str, Path]:
    return {
        str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()
    }


def recipe_digest(recipe: str) -> str:
    """The digest of everything in a recipe."""
    digest = hashlib.sha256()
    for name, path in sorted(recipe_files(recipe).items(), key=lambda item: Path(item[0])):
        content = path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


@contextmanager
def locked(folder: Path, title: str, say: Callable[[str], None]) -> Iterator[None]:
    """Only one run fetches; the others wait and then find it in the cache.

    The lock goes with its process, so a killed run leaves none; what it left half-done is swept.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise LabError(f"the cache cannot be written: {one_line(error)}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another run is fetching {title}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(f"{PART}*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield


@contextmanager
def workspace(folder: Path) -> Iterator[Path]:
    """A folder for what is not whole yet, on the cache's own file system so that a rename does."""
    with tempfile.TemporaryDirectory(prefix=PART, dir=folder) as path:
        yield Path(path)
