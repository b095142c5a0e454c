"""Packages in the cache, whole or not at all; and the script that installs them on a host."""

from __future__ import annotations

import hashlib
import io
import os
import shlex
import signal
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pytest

from scripts.errors import CommandError, LabError
from scripts.software import packages
from scripts.software.kept import CORRUPT
from scripts.software.packages import MANIFEST, Packages, obtain

pytestmark = pytest.mark.programs

DEBS = {"java_17_amd64.deb": b"java", "libz_1_amd64.deb": b"z"}


def tar_of(files: Mapping[str, bytes], manifest: Mapping[str, bytes] | None = None) -> bytes:
    """A tar of `files` with a manifest of these, or of others."""
    sums = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in (files if manifest is None else manifest).items()
    )
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in {MANIFEST: sums.encode(), **files}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@dataclass
class Distribution:
    """Answers with `content`, and keeps what it was asked."""

    content: bytes = field(default_factory=lambda: tar_of(DEBS))
    error: LabError | None = None
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def __call__(self, names: tuple[str, ...], target: BinaryIO) -> None:
        self.asked.append(names)
        target.write(self.content)
        if self.error:
            raise self.error


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "kafkalab" / "packages"


def files(cache: Path) -> list[str]:
    return sorted(path.suffix or path.name for path in cache.iterdir())


def test_a_set_is_fetched_once_whatever_its_order(cache: Path) -> None:
    there = Distribution()
    first = obtain(["kcat", "java"], base="b", fetch=there)
    assert first.tar.read_bytes() == there.content
    assert first.sha256 == hashlib.sha256(there.content).hexdigest()
    assert obtain(["java", "kcat", "java"], base="b", fetch=there) == first
    assert there.asked == [("openjdk-17-jre-headless", "kcat")]
    assert files(cache) == [".lock", ".sha256", ".tar", ".verified"]
    words = first.arguments("/a.tar", ["kcat"])
    assert words == [first.sha256, "/a.tar", "kcat:kcat:/usr/bin/kcat"]


def test_another_base_or_another_set_is_fetched_for_itself(cache: Path) -> None:
    there = Distribution()
    tars = {obtain(set_, base=base, fetch=there).tar
            for base in ("b", "c") for set_ in (["java"], ["java", "kcat"])}
    assert len(tars) == len(there.asked) == 4


def test_one_that_was_changed_in_the_cache_is_refused_and_fetched_anew(cache: Path) -> None:
    there, said = Distribution(), list[str]()
    tar = obtain(["java"], base="b", fetch=there).tar
    tar.write_bytes(b"?" + tar.read_bytes()[1:])
    os.utime(tar, (1, 1))
    again = obtain(["java"], base="b", fetch=there, say=said.append)
    assert again.tar.read_bytes() == there.content
    assert len(there.asked) == 2
    assert "is refused and removed" in said[0]


@pytest.mark.parametrize(("content", "reason"), [
    (tar_of(DEBS)[:700], "no archive of packages"),
    (b"", "no archive of packages"),
    (tar_of({}), "not what its manifest says"),
    (tar_of(DEBS, {**DEBS, "libz_1_amd64.deb": b"x"}), "says: libz_1_amd64.deb"),
    (tar_of({"java_17_amd64.deb": b"java"}, DEBS), "says: libz_1_amd64.deb"),
    (tar_of({**DEBS, "more.deb": b""}, DEBS), "says: more.deb"),
])
def test_what_is_not_whole_is_not_kept(content: bytes, reason: str, cache: Path) -> None:
    with pytest.raises(LabError, match=rf"openjdk-17-jre-headless could not be had: .*{reason}"):
        obtain(["java"], base="b", fetch=Distribution(content))
    assert files(cache) == [".lock"]


def test_a_fetch_that_fails_tells_what_apt_said_first(cache: Path) -> None:
    error = CommandError(
        "podman run ...", 100, stderr="Get:1 x\nE: Unable to locate package kcat\nE: and so on\n"
    )
    with pytest.raises(LabError, match=r"kcat could not be had: E: Unable to locate .* kcat \("):
        obtain(["kcat"], base="b", fetch=Distribution(error=error))
    assert files(cache) == [".lock"]


# -- on a host: real bash, with stand-ins for what would change this machine


@dataclass
class HostWithout:
    """A folder in the place of a host's root, with dpkg and apt-get played."""

    folder: Path
    archive: Path = field(init=False)
    have: str = ""  # what dpkg says of libz: flag, state and version
    apt: str = ":"  # what apt-get does
    left: str = ":"  # what dpkg does about what a run has left that was cut off

    def __post_init__(self) -> None:
        self.archive = self.folder / "set.tar"
        self.archive.write_bytes(tar_of(DEBS))
        (self.folder / "etc/systemd/system").mkdir(parents=True)
        (self.folder / "lib/systemd/system").mkdir(parents=True)

    @property
    def java(self) -> Path:
        return self.folder / "java"

    @property
    def marks(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "installing").iterdir())

    def calls(self, name: str) -> list[str]:
        path = self.folder / f"{name}.calls"
        return path.read_text().splitlines() if path.exists() else []

    def install(self, sha256: str = "") -> subprocess.CompletedProcess[str]:
        tools = self.folder / "bin"
        tools.mkdir(exist_ok=True)
        have = f"echo '{self.have}'" if self.have else "exit 1"
        for name, text in {
            "apt-get": self.apt,
            "dpkg": f'[ "$1" != --configure ] || {{ {self.left}; exit; }}\n'
                    '[ "$1" != --compare-versions ] || [ "$2" = "$4" ]',
            "dpkg-deb": 'IFS=_ read -r name version _ <<<"${@: -1}"; echo ${name##*/} $version',
            "dpkg-query": f'[ "$1" = -S ] && {{ [[ $2 != */lab.service ]]; exit; }}; {have}',
            "systemctl": "exit 99",
        }.items():
            path = tools / name
            path.write_text(f'#!/bin/bash\necho "$*" >>{self.folder}/{name}.calls\n{text}\n')
            path.chmod(0o755)
        script = packages.install_script()
        for place in (packages.INSTALLING, "/etc/systemd", "/lib/systemd", "/usr/sbin/policy-rc.d"):
            inside = self.folder / ("installing" if place == packages.INSTALLING else place[1:])
            inside.parent.mkdir(parents=True, exist_ok=True)
            script = script.replace(f"{place}", str(inside))
        script = script.replace("-path '/etc/*'", f"-path '{self.folder}/etc/*'")
        found = Packages(("java",), self.archive,
                         sha256 or hashlib.sha256(self.archive.read_bytes()).hexdigest())
        words = found.arguments(str(self.archive), ["java"])
        words[-1] = words[-1].replace("/usr/bin/java", str(self.java))
        return subprocess.run(
            ["bash", "-c", script, "install", *words], capture_output=True, text=True, check=False,
            env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"},
        )

    def asked_for(self) -> list[str]:
        """The files that apt-get was given at last."""
        return [Path(word).name for word in shlex.split(self.calls("apt-get")[-1])
                if word.endswith(".deb")]


@pytest.fixture
def host(tmp_path: Path) -> HostWithout:
    found = HostWithout(tmp_path)
    found.apt = f"touch {found.java}"
    return found


def test_a_set_is_installed_and_leaves_no_mark(host: HostWithout) -> None:
    done = host.install()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert host.asked_for() == list(DEBS)
    assert host.calls("dpkg")[0] == "--configure -a"
    assert host.marks == []
    assert not (host.folder / "usr/sbin/policy-rc.d").exists()


@pytest.mark.parametrize(("have", "given"), [
    ("ok installed 1", ["java_17_amd64.deb"]),
    ("ok unpacked 1", list(DEBS)),
    ("reinstreq installed 1", list(DEBS)),
    ("ok installed 0", list(DEBS)),
])
def test_what_others_need_is_left_where_it_is_there_and_whole(
    have: str, given: list[str], host: HostWithout
) -> None:
    host.have = have
    assert host.install().returncode == 0
    assert host.asked_for() == given


def test_a_corrupt_archive_is_removed_and_nothing_is_asked_of_apt(host: HostWithout) -> None:
    done = host.install("ab" * 32)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"{CORRUPT}; it was removed"
    assert not host.archive.exists()
    assert host.calls("apt-get") == host.calls("dpkg") == []


@pytest.mark.parametrize(("says", "line"), [
    ("Setting up java (17) ...\nno room\ndpkg: error processing package java (--configure):\n"
     " post-installation script returned error exit status 3\nE: Sub-process returned an error",
     "dpkg: error processing package java (--configure): post-installation script returned "
     "error exit status 3 (no room)"),
    ("The following packages have unmet dependencies:\n java : Depends: libc6 (>= 3)\n"
     "E: Unable to correct problems", "java : Depends: libc6 (>= 3)"),
    ("N: a note\nE: Could not get lock /var/lib/dpkg/lock\nE: more",
     "E: Could not get lock /var/lib/dpkg/lock"),
    ("", "openjdk-17-jre-headless could not be installed"),
])
def test_a_failure_is_one_line_and_the_mark_stays(
    says: str, line: str, host: HostWithout
) -> None:
    host.apt = f"touch {host.java}; echo {shlex.quote(says)}; exit 100"
    done = host.install()
    assert done.returncode == 1
    assert str(CommandError("install", 1, done.stdout, done.stderr)).endswith(f": {line}")
    assert host.marks == [".links", "java"], "its file alone does not make it installed"
    assert (host.folder / "usr/sbin/policy-rc.d").exists(), "its script may still run"


def test_a_script_that_outlives_its_dpkg_does_not_write_over_the_reason(host: HostWithout) -> None:
    said, wrote = host.folder / "said", host.folder / "wrote"
    host.left = (f"(until [ -e {said} ]; do sleep 0.01; done; echo {'x' * 99}; touch {wrote}) & "
                 "echo Setting up cron ...; kill -KILL $$")
    host.apt = (f"echo E: dpkg was interrupted; touch {said}; "
                f"until [ -e {wrote} ]; do sleep 0.01; done; exit 100")
    done = host.install()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "E: dpkg was interrupted"


def test_a_package_without_the_file_that_shows_it_is_a_failure(host: HostWithout) -> None:
    host.apt = ":"
    done = host.install()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(f"is installed, but {host.java} is not there")
    assert "java" in host.marks


@pytest.mark.parametrize("fails", [False, True])
def test_what_a_package_enables_is_not_enabled_and_what_was_stays(
    fails: bool, host: HostWithout
) -> None:
    units = host.folder / "etc/systemd/system"
    wants = units / "multi-user.target.wants"
    wants.mkdir()
    (wants / "kafka.service").symlink_to("../kafka.service")
    host.apt = (
        f"ln -s /lib/systemd/system/java.service {wants}/java.service; "
        f"ln -s /lib/systemd/system/java.service {units}/alias.service; "
        f"ln -s /dev/null {units}/masked.service; touch {host.java}; exit {int(fails)}"
    )
    host.apt = f"[ -x {host.folder}/usr/sbin/policy-rc.d ] || exit 98; {host.apt}"
    assert host.install().returncode == fails
    left = {path.name for path in [*wants.iterdir(), *units.iterdir()]}
    assert left == {"kafka.service", "masked.service", wants.name}


def test_after_a_cut_off_only_what_packages_have_enabled_is_taken_back(host: HostWithout) -> None:
    """What was enabled is noted before the first try. The lab may have gone on in between, and the
    script of a package, too."""
    wants = host.folder / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir()
    (wants / "kafka.service").symlink_to("../kafka.service")
    host.apt = f"""
        ln -s /lib/systemd/system/java.service {wants}/java.service
        kill -KILL $PPID
    """
    assert host.install().returncode == -signal.SIGKILL
    assert (wants / "java.service").is_symlink()
    assert (host.folder / "usr/sbin/policy-rc.d").exists()
    (wants / "lab.service").symlink_to("../lab.service")
    host.apt = "exit 100"
    assert host.install().returncode == 1
    (wants / "late.service").symlink_to("/lib/systemd/system/late.service")
    host.apt = f"touch {host.java}"
    assert host.install().returncode == 0
    assert {path.name for path in wants.iterdir()} == {"kafka.service", "lab.service"}
    assert host.marks == []
    assert not (host.folder / "usr/sbin/policy-rc.d").exists()
