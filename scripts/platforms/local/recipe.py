"""What the images of hosts are made of, and the names that follow from it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.software.kept import RECIPES

if TYPE_CHECKING:
    from scripts.software.obtain import Obtained

FOLDER = Path(__file__).parent / "host"
# Runs in the base image and is no part of it: a change here rebuilds only what comes after.
SEED = FOLDER / "seed.sh"
# Last of all, so that what was not seeded to its end has no digest.
SEALED = 'echo "$sha256" > "$home/.digest"\n'
SUITE = "bookworm"
# The prefix keeps both engines from looking for these names in a registry.
REPOSITORY = "localhost/kafkalab"
# What nobody reads in a host, and what `dpkg` need not sync while the result is thrown away on a
# failure anyway.
DPKG = (
    "force-unsafe-io", "path-exclude=/usr/share/man/*", "path-exclude=/usr/share/doc/*",
    "path-exclude=/usr/share/info/*", "path-exclude=/usr/share/locale/*",
)


def digest() -> str:
    """Twelve hex digits over each file of the base: its path, its mode's x bit and its content."""
    parts = []
    for path in sorted(path for path in FOLDER.rglob("*") if path.is_file() and path != SEED):
        executable = b"x" if path.stat().st_mode & 0o100 else b"-"
        parts += [path.relative_to(FOLDER).as_posix().encode(), executable, path.read_bytes()]
    return _hashed(*parts, " ".join(DPKG).encode())


def host_tag(software: Sequence[Obtained]) -> str:
    """The name of the image that has this software on top of the base, in this order."""
    parts = [digest().encode()]
    for one in software:
        parts += [one.artifact.folder.encode(), one.sha256.encode(), seed(one).encode()]
    return f"{REPOSITORY}/host:{_hashed(*parts)}"


def seed(one: Obtained) -> str:
    """The script that puts an artifact into an image, run there as `sh -c SCRIPT seed NAME SHA256`
    with the archive on its standard input."""
    own = RECIPES / one.artifact.name / "seed.sh"
    return SEED.read_text() + (own.read_text() if own.exists() else "") + SEALED


def packages() -> list[str]:
    return (FOLDER / "packages.txt").read_text().split()


def mmdebstrap(target: Path) -> list[str]:
    """The command that writes Debian with our packages and set-up as a tar file."""
    return [
        "mmdebstrap", "--variant=minbase", "--quiet",
        # It would mark the machine id as "first boot", and systemd would then preset every unit.
        "--skip=cleanup/reproducible",
        *(f"--dpkgopt={option}" for option in DPKG),
        f"--include={','.join(packages())}",
        # Java's alternatives are set with their manual pages or not at all.
        '--essential-hook=mkdir -p "$1/usr/share/man/man1"',
        f"--customize-hook=copy-in {FOLDER} /tmp",
        '--customize-hook=chroot "$1" /tmp/host/setup.sh /tmp/host',
        '--customize-hook=rm -rf "$1/tmp/host"',
        SUITE, str(target),
    ]  # fmt: skip


def wrap(root: Path, target: Path, *, tag: str, labels: dict[str, str]) -> None:
    """Write `target`, an image archive that both engines load, around the file system in `root`.

    The format is Docker's ("Image Specification v1.2", combined image JSON and layer archive).
    Loading it takes less time than `import`, which compresses the layer before storing it.
    """
    with root.open("rb") as layer:
        layers = [f"sha256:{hashlib.file_digest(layer, 'sha256').hexdigest()}"]
    when = "1970-01-01T00:00:00Z"
    config = {
        "architecture": _architecture(), "os": "linux", "created": when,
        "config": {"Cmd": ["/sbin/init"], "Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": layers},
        "history": [{"created": when, "created_by": "kafkalab"}],
    }  # fmt: skip
    text = json.dumps(config).encode()
    name = f"{hashlib.sha256(text).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": [tag], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(target, "w") as archive:
        for member, content in ((name, text), ("manifest.json", manifest)):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        archive.add(root, "layer.tar")


def _architecture() -> str:
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _hashed(*parts: bytes) -> str:
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big") + part)
    return hashed.hexdigest()[:12]
