"""What the images of hosts are made of, and the names that follow from it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lab.packages import names
from scripts.software.kept import recipe_files
from scripts.software.packages import FAMILY, Packages, install_script

if TYPE_CHECKING:
    from scripts.software.obtain import Obtained

FOLDER = Path(__file__).parent / "host"
# Runs in the base image and is no part of it: a change here rebuilds only what comes after.
SEED = FOLDER / "seed.sh"
# Of a recipe, in this order: what its variant does otherwise comes first.
OWN = ("nodes.sh", "seed.sh")
# Last of all, so that what was not seeded to its end has no digest.
SEALED = 'echo "$sha256" > "$home/.digest"\n'
SUITE = "bookworm"
# The prefix keeps both engines from looking for these names in a registry.
REPOSITORY = "localhost/kafkalab"
# What nobody reads in a host.
UNREAD = ("/usr/share/man", "/usr/share/doc", "/usr/share/info", "/usr/share/locale")
# mmdebstrap's own hooks for a root that has /bin as a link from the beginning. Without them the
# package that would move /bin is installed instead, and all of Perl with it.
MERGED_USR = Path("/usr/share/mmdebstrap/hooks/merged-usr")
LAYER = "layer.tar"
_BLOCK = tarfile.BLOCKSIZE


def digest() -> str:
    """Twelve hex digits over each file of the base: its path, its mode's x bit and its content."""
    parts = []
    for path in sorted(path for path in FOLDER.rglob("*") if path.is_file() and path != SEED):
        executable = b"x" if path.stat().st_mode & 0o100 else b"-"
        parts += [path.relative_to(FOLDER).as_posix().encode(), executable, path.read_bytes()]
    return _hashed(*parts, _leave_out().encode())


def host_tag(software: Sequence[Obtained]) -> str:
    """The name of the image that has this software on top of the base, in this order."""
    parts = [digest().encode()]
    for one in software:
        parts += [one.artifact.folder.encode(), one.sha256.encode(), seed(one).encode()]
    return f"{REPOSITORY}/host:{_hashed(*parts)}"


def lab_tag(lab: str) -> str:
    """The name of a lab's own image."""
    return f"{REPOSITORY}/lab:{lab}"


def seed(one: Obtained) -> str:
    """The script that puts an artifact into an image, run there as `sh -c SCRIPT seed NAME SHA256`
    with the archive on its standard input."""
    files = recipe_files(one.artifact.recipe)
    own = [files[name].read_text() for name in OWN if name in files]
    return "".join((SEED.read_text(), *own, SEALED))


def packages() -> list[str]:
    return (FOLDER / "packages.txt").read_text().split()


def lacking(software: Iterable[str]) -> tuple[str, ...]:
    """What of `software` (lab.packages) is none of the base's own packages."""
    base = packages()
    return tuple(one for one in software if any(name not in base for name in names([one], FAMILY)))


def packed_tag(below: str, packages: Packages) -> str:
    """The name of the image that has these packages on top of the one called `below`."""
    parts = (below, packages.sha256, " ".join(packages.software), install_script())
    return f"{REPOSITORY}/host:{_hashed(*(part.encode() for part in parts))}"


def mmdebstrap() -> list[str]:
    """The command that prints Debian with our packages and set-up as a tar archive."""
    return [
        "mmdebstrap", "--variant=minbase", "--quiet",
        # It would mark the machine id as "first boot", and systemd would then preset every unit.
        "--skip=cleanup/reproducible",
        # What is half made is thrown away on a failure anyway.
        "--dpkgopt=force-unsafe-io",
        *((f"--hook-dir={MERGED_USR}",) if MERGED_USR.is_dir() else ()),
        f"--include={','.join(packages())}",
        f"--extract-hook={_leave_out()}",
        # Java's alternatives are set with their manual pages or not at all.
        '--essential-hook=mkdir -p "$1/usr/share/man/man1"',
        f"--customize-hook=copy-in {FOLDER} /tmp",
        '--customize-hook=chroot "$1" /tmp/host/setup.sh /tmp/host',
        '--customize-hook=rm -rf "$1/tmp/host"',
        SUITE, "-",
    ]  # fmt: skip


def in_memory() -> list[str]:
    """What to put before a command of root's, so that its TMPDIR is a file system in memory.

    It is mounted where nobody else sees it, and is gone with the command however that ends. Where
    it may not be mounted, the command runs with the TMPDIR that it has.
    """
    mount = "mount -t tmpfs -o mode=1777 kafkalab /dev/shm 2>/dev/null && export TMPDIR=/dev/shm"
    return ["unshare", "--mount", "sh", "-c", f'{mount}; exec "$@"', "sh"]


def _leave_out() -> str:
    """Shell: keep what nobody reads out of the root "$1", once its first packages are unpacked.

    Given to mmdebstrap as options of dpkg, the same would send each of these first packages through
    a Python program: a third of the whole time.
    """
    options = "".join(f"path-exclude={folder}/*\\n" for folder in UNREAD)
    remove = " ".join(f'"$1{folder}"' for folder in UNREAD)
    return f"printf '{options}' > \"$1/etc/dpkg/dpkg.cfg.d/kafkalab\" && rm -rf {remove}"


def wrap(
    target: Path, layer: Callable[[BinaryIO], object], *, tag: str, labels: dict[str, str]
) -> None:
    """Write `target`, an image archive that both engines load, around one file system.

    `layer` gets the file and writes that file system to it as a tar archive, from where the file
    stands, or lets a program do it: 400 MB that are then written once and not copied.
    The format is Docker's ("Image Specification v1.2", combined image JSON and layer archive).
    Loading it takes less time than `import`, which compresses the layer before storing it.
    """
    with target.open("w+b", buffering=0) as file:
        file.write(bytes(_BLOCK))  # the member's header: it tells the size, so it comes last
        layer(file)
        size = file.seek(0, os.SEEK_END) - _BLOCK
        file.seek(_BLOCK)
        layers = [f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"]
        file.write(bytes(-size % _BLOCK))
        with tarfile.open(fileobj=file, mode="w") as archive:
            for member, content in _describe(layers, tag, labels):
                info = tarfile.TarInfo(member)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        header = tarfile.TarInfo(LAYER)
        header.size = size
        file.seek(0)
        file.write(header.tobuf(tarfile.GNU_FORMAT))


def _describe(layers: list[str], tag: str, labels: dict[str, str]) -> list[tuple[str, bytes]]:
    """The members of an image archive beside its layer: name and content."""
    when = "1970-01-01T00:00:00Z"
    config = {
        "architecture": _architecture(), "os": "linux", "created": when,
        "config": {"Cmd": ["/sbin/init"], "Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": layers},
        "history": [{"created": when, "created_by": "kafkalab"}],
    }  # fmt: skip
    text = json.dumps(config).encode()
    name = f"{hashlib.sha256(text).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [tag], "Layers": [LAYER]}]
    return [(name, text), ("manifest.json", json.dumps(manifest).encode())]


def _architecture() -> str:
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _hashed(*parts: bytes) -> str:
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big") + part)
    return hashed.hexdigest()[:12]
