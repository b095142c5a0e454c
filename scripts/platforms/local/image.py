"""The images that hosts are made from, each named by the digest of all that goes into it.

    base    Debian with systemd, sshd and Java: from an image registry, else from Debian packages
    host    base plus artifacts (lab.artifacts), unpacked, and Kafka with class-data archives; and
            on top of these packages (lab.packages) that the base lacks, if services ask for some
    lab     host (or base) plus one label: what `destroy` may take away; the others are shared

Both ways to the base run host/setup.sh, so they yield the same host. The finished base is also kept
as a file in the cache, from which another engine (or a cleared store) only loads it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from scripts.errors import CommandError, LabError, UsageError
from scripts.platforms.local import recipe
from scripts.platforms.local.container import LAB_LABEL
from scripts.platforms.local.engine import Engine
from scripts.platforms.local.installing import Say, elevation, install
from scripts.software import packages
from scripts.software.packages import FETCH_SECONDS, Packages, fetch_script, install_script
from scripts.workstation import process
from scripts.workstation.memory import available_mb
from scripts.workstation.paths import cache_dir
from scripts.workstation.screen import phase

if TYPE_CHECKING:
    from scripts.software.obtain import Obtained

FROM_IMAGE = "docker.io/library/debian:12-slim"
SOURCES = ("registry", "mmdebstrap")
VARIABLE = "KAFKALAB_IMAGE_SOURCES"
BUILD_LABEL = "kafkalab.build"
RECIPE_LABEL = "kafkalab.recipe"
_PART = ".part-"
# A root with the packages that it is made from takes 0.7 GB. In memory the kernel works 4 to 7 s
# less for it than on a disk.
ENOUGH_MB = 3000
NAMED = 4  # images, in what is told when none of their labs is left
COMPILE_SECONDS = 300


@dataclass(frozen=True)
class Images:
    """The images of one engine; every method returns at once when its image is there."""

    engine: Engine
    say: Say = print

    def base(self) -> str:
        """The name of the base image, built or loaded when this engine does not have it.

        Raises LabError with each source's reason when none of them works.
        """
        digest = recipe.digest()
        tag = f"{recipe.REPOSITORY}/base:{digest}"
        if self.engine.has_image(tag):
            return tag
        with self._building():
            if self.engine.has_image(tag):
                return tag
            archive = _folder() / f"base-{digest}.tar"
            if archive.exists():
                self._load(archive)
                return tag
            self._first(tag, archive, digest)
            # 400 MB each, and an older recipe's is needed by nobody.
            for older in set(_folder().glob("base-*.tar")) - {archive}:
                older.unlink()
        return tag

    def host(self, software: Sequence[Obtained]) -> str:
        """The name of the image with all of `software` in it, made when this engine has it not.

        A layer for each, so that one more is added to what is there. What a recipe's seed.sh does
        (Kafka's services record their classes) is done in a container without network.
        """
        if not software:
            return self.base()
        tag = recipe.host_tag(software)
        if self.engine.has_image(tag):
            return tag
        below, one = self.host(software[:-1]), software[-1]
        with self._building():
            if not self.engine.has_image(tag):
                with phase(f"{one.artifact.title} into the host image", self.say):
                    self._seed(below, tag, one)
        return tag

    def packed(self, below: str, packages: Packages) -> str:
        """The name of the image with `packages` on top of `below`, made when it is not there.

        On top of all else: what takes long below is made once, whichever packages a lab has.
        """
        tag = recipe.packed_tag(below, packages)
        if self.engine.has_image(tag):
            return tag
        tar = "/tmp/packages.tar"  # noqa: S108 - in the container
        script = f'cat > "$2"\n{install_script()}'
        with self._building():
            if not self.engine.has_image(tag):
                with phase(f"{packages.title} into the host image", self.say):
                    self._layer(
                        below, tag, ("kafkalab.packages", packages.sha256[:12]), packages.tar,
                        "bash", "-c", script, "install",
                        *packages.arguments(tar, packages.software),
                    )
        return tag

    def fetch(self, names: Sequence[str], target: BinaryIO) -> None:
        """Write these packages, and what the base lacks of what they need, to `target` as a tar.

        apt runs in a container of the base that has the workstation's network.
        """
        base = self.base()
        with self._building(), phase(f"packages {', '.join(names)} from the distribution"):
            self.engine(
                "run", "--rm", *self._container(), "--network", "host", base,
                "bash", "-c", fetch_script(), "fetch", *names,
                timeout=FETCH_SECONDS, stdout=target,
            )

    def compile(self, script: str, words: Sequence[str], source: Path, target: Path) -> None:
        """Run a script with `words` in a container of the base with a JDK, without network: from
        the tar `source` to the tar `target`. Raises LabError."""
        jdk = packages.obtain(
            ("jdk",), base=f"{recipe.SUITE} {recipe.digest()}", fetch=self.fetch, say=self.say,
        )
        image = self.packed(self.base(), jdk)
        with self._building(), _called("compile.sh"), target.open("wb") as file:
            self.engine(
                "run", "--rm", "--interactive", *self._container(), "--network", "none",
                "--tmpfs", "/tmp", image, "sh", "-c", script, "compile.sh", *words,  # noqa: S108
                stdin=source.read_bytes(), stdout=file, timeout=COMPILE_SECONDS,
            )

    def lab(self, lab: str, parent: str) -> str:
        """The name of the lab's own image: `parent` with the lab's label."""
        tag = recipe.lab_tag(lab)
        self.engine(
            "build", "--quiet", "--tag", tag, "--label", f"{LAB_LABEL}={lab}", "-",
            stdin=f"FROM {parent}\n".encode(),
        )  # fmt: skip
        return tag

    def shared(self) -> dict[str, str]:
        """What labs are made from, by name, and how large the engine calls each."""
        own = {f"{recipe.REPOSITORY}/{kind}" for kind in ("base", "host")}
        pairs = (line.partition(" ") for line in self.engine.image_lines(
            "--format", "{{.Repository}}:{{.Tag}} {{.Size}}"
        ))
        return {name: size for name, _, size in pairs if name.rpartition(":")[0] in own}

    def told(self) -> str:
        """That they stay when no lab is left, how large they are, for what, and what ends them."""
        found = self.shared()
        ask = " ".join(("sudo",) * ("sudo" in self.engine.prefix) + (self.engine.name,))
        if len(found) <= NAMED:
            what = f"the host image stays ({', '.join(found.values())}; its parts are stored once)"
            names = " ".join(found)
        else:  # labs ask for different software, and each version of this has its own
            what = f"{len(found)} images of hosts stay (their parts are stored once)"
            names = f"$({ask} images --quiet --filter reference='{recipe.REPOSITORY}/*')"
        return (f"{what}: the next lab is made in seconds. "
                f"To remove {'it' if len(found) <= NAMED else 'them'}: `{ask} rmi {names}`")

    def sweep(self) -> list[str]:
        """Remove what a build that was cut off left behind, unless one is running right now."""
        with _locked(wait=False) as free:
            return self._remove_stale() if free else []

    def _first(self, tag: str, archive: Path, digest: str) -> None:
        """The base image by the first of the sources that yields it."""
        ways: dict[str, Callable[[str, Path, str], None]] = {
            "registry": self._from_registry, "mmdebstrap": self._from_packages,
        }
        reasons = []
        for source in sources():
            try:
                ways[source](tag, archive, digest)
            except LabError as error:
                reasons.append(f"{source}: {error}")
                continue
            return
        raise LabError(f"the host image could not be made: {'; '.join(reasons)}")

    def _from_registry(self, tag: str, archive: Path, digest: str) -> None:
        if not self.engine.has_image(FROM_IMAGE):
            self.engine("pull", "--quiet", FROM_IMAGE, timeout=120)
        with phase("host image from a registry", self.say):
            self.engine(
                "build", "--quiet", "--tag", tag, "--label", f"{RECIPE_LABEL}={digest}",
                "--file", str(recipe.FOLDER / "Containerfile"), str(recipe.FOLDER), timeout=900,
            )  # fmt: skip
            with _workspace() as work:
                saved = work / "saved.tar"
                self.engine("save", "--output", str(saved), tag, timeout=300)
                saved.replace(archive)

    def _from_packages(self, tag: str, archive: Path, digest: str) -> None:
        if shutil.which("mmdebstrap") is None:
            install(("mmdebstrap", "debian-archive-keyring"), say=self.say, why="the host image")
        with phase("host image from Debian packages", self.say), _workspace() as work:
            before = elevation() or ()
            argv = [*before, *_in_memory(before), *recipe.mmdebstrap()]
            loadable = work / "image.tar"
            with _called("mmdebstrap"):
                recipe.wrap(
                    loadable,
                    lambda file: process.run(
                        argv, timeout=1200, hint="its output is in the run's log", shielded=True,
                        stdout=file,
                    ),
                    tag=tag, labels={RECIPE_LABEL: digest},
                )  # fmt: skip
            loadable.replace(archive)
        self._load(archive)

    def _load(self, archive: Path) -> None:
        with phase("host image into the engine", self.say):
            self.engine("load", "--input", str(archive), timeout=300)

    def _seed(self, below: str, tag: str, one: Obtained) -> None:
        with _called(recipe.SEED.name):
            self._layer(
                below, tag, (f"kafkalab.{one.artifact.name}", one.artifact.folder), one.tar,
                "sh", "-c", recipe.seed(one), recipe.SEED.name, one.artifact.folder, one.sha256,
            )  # fmt: skip

    def _layer(
        self, below: str, tag: str, label: tuple[str, str], tar: Path, *command: str
    ) -> None:
        """Make an image of what `command` leaves behind in one of `below`, without network."""
        name = f"kafkalab-build-{uuid.uuid4().hex[:8]}"
        try:
            self.engine(
                "run", "--interactive", "--name", name, *self._container(),
                "--network", "none", "--tmpfs", "/tmp", below, *command,  # noqa: S108
                stdin=tar.read_bytes(), timeout=300,
            )  # fmt: skip
            self.engine(
                "commit", "--change", f"LABEL {label[0]}={label[1]}",
                "--change", f"LABEL {BUILD_LABEL}=", "--change", 'CMD ["/sbin/init"]', name, tag,
                timeout=300,
            )  # fmt: skip
        finally:
            self.engine("rm", "--force", "--volumes", name, check=False)

    def _container(self) -> tuple[str, ...]:
        """What each container of a build is run with."""
        runtime = ("--runtime", self.engine.runtime) if self.engine.runtime else ()
        return ("--label", f"{BUILD_LABEL}=1", *runtime, *self.engine.limits())

    @contextmanager
    def _building(self) -> Iterator[None]:
        """One build at a time on this machine; whatever an earlier one left is taken away first."""
        with _locked(wait=True):
            self._remove_stale()
            yield

    def _remove_stale(self) -> list[str]:
        stale = self.engine.containers(f"{BUILD_LABEL}=1")
        if stale:
            self.engine("rm", "--force", "--volumes", *(found.id for found in stale))
        for left in _folder().glob(f"{_PART}*"):
            shutil.rmtree(left, ignore_errors=True)
        return [f"container {found.name}" for found in stale]


def sources() -> tuple[str, ...]:
    """Where the base image may come from: KAFKALAB_IMAGE_SOURCES (comma separated), else all."""
    words = tuple(filter(None, os.environ.get(VARIABLE, "").replace(" ", "").split(",")))
    if unknown := set(words) - set(SOURCES):
        raise UsageError(
            f"{VARIABLE}: unknown source {', '.join(sorted(unknown))}",
            hint=f"use {' or '.join(SOURCES)}",
        )
    return words or SOURCES


@contextmanager
def _called(name: str) -> Iterator[None]:
    """An error of a command whose words are a page long calls it `name`; the log has them all."""
    try:
        yield
    except CommandError as error:
        raise CommandError(
            name, error.status, error.stdout, error.stderr, hint=error.hint, said=error.said
        ) from error


def _in_memory(before: Sequence[str]) -> list[str]:
    """The start of a command that works in memory, where there is enough of it and root may."""
    if (available_mb() or 0) < ENOUGH_MB or shutil.which("unshare") is None:
        return []
    tried = process.run([*before, "unshare", "--mount", "true"], check=False)
    return [] if tried.returncode else recipe.in_memory()


def _folder() -> Path:
    path = cache_dir() / "images"
    path.mkdir(exist_ok=True)
    return path


@contextmanager
def _workspace() -> Iterator[Path]:
    """A directory beside the finished archives, so that the last step is a rename."""
    path = Path(tempfile.mkdtemp(prefix=_PART, dir=_folder()))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _locked(*, wait: bool) -> Iterator[bool]:
    """Hold the build lock; without `wait`, yield False when somebody else holds it."""
    with (_folder() / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
