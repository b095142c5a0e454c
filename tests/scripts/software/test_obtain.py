from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lab import artifacts
from scripts.errors import LabError, UsageError, told
from scripts.software import (
    archive as kafka_archive,
    kept,
    maven as kafka_maven,
    obtain as kafka_dist,
    tar as kafka_tar,
)
from scripts.software.obtain import obtain
from scripts.workstation.paths import PROJECT
from tests.kafka_archives import NAME, VERSION, sha512_line, write_archive
from tests.labs import KAFKA


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no way to Apache's real archive."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(kafka_archive.VARIABLE, "http://127.0.0.1:9")
    monkeypatch.delenv(kafka_dist.SOURCES_VARIABLE, raising=False)
    folder = tmp_path / "cache" / "kafkalab" / "kafka"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A local archive that is laid out as Apache's: VERSION/NAME.tgz and its .sha512."""
    folder = tmp_path / "site" / VERSION
    folder.mkdir(parents=True)
    tgz = write_archive(folder / f"{NAME}.tgz")
    tgz.with_name(f"{tgz.name}.sha512").write_text(sha512_line(tgz))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "site")))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    monkeypatch.setenv(kafka_archive.VARIABLE, f"http://127.0.0.1:{server.server_port}/")
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def said() -> list[str]:
    return []


def fake_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> Path:
    """Put `name` first on the PATH; it writes its arguments down before it does `script`."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    record = tmp_path / f"{name}.calls"
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "$*" >> {record}\n{script}\n')
    program.chmod(0o755)
    if not os.environ["PATH"].startswith(f"{folder}:"):
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return record


def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are hashed from now on."""
    names: list[str] = []
    real = kafka_tar.file_digest
    monkeypatch.setattr(
        kafka_tar, "file_digest", lambda path, kind: (names.append(path.name), real(path, kind))[1]
    )
    return names


def test_the_official_archive_is_verified_and_kept(
    site: Path, cache: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    got = obtain(KAFKA, sources=["cache", "archive"], say=said.append)
    assert (got.artifact, got.source) == (KAFKA, "official archive")
    assert got.tar == cache / f"{NAME}.tar"
    assert got.sha256 == hashlib.sha256(got.tar.read_bytes()).hexdigest()
    beside = got.tar.with_name(f"{got.tar.name}.sha256").read_text()
    assert beside == f"{got.sha256}  {NAME}.tar\n"
    assert said[0].startswith(f"Kafka {VERSION}: cache: nothing in ")
    assert not list(cache.glob("*.tgz"))

    hashed = hashes(monkeypatch)
    again = obtain(KAFKA, say=said.append)
    assert (again.source, again.sha256, again.tar) == ("cache", got.sha256, got.tar)
    assert hashed == []
    assert len(said) == 2


def test_a_touched_tar_is_hashed_once(
    site: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tar = obtain(KAFKA, sources=["archive"], say=said.append).tar
    os.utime(tar, ns=(1, 1))
    hashed = hashes(monkeypatch)
    for _ in range(2):
        assert obtain(KAFKA, sources=["cache"], say=said.append).source == "cache"
    assert hashed == [tar.name]


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("harm", ["flip", "cut", "no checksum", "bad checksum", "other checksum"])
def test_a_damaged_cache_is_refused_and_fetched_again(said: list[str], harm: str) -> None:
    good = obtain(KAFKA, sources=["archive"], say=said.append)
    checksum = good.tar.with_name(f"{good.tar.name}.sha256")
    content = bytearray(good.tar.read_bytes())
    if harm == "flip":
        content[700] ^= 1
        good.tar.write_bytes(content)
    elif harm == "cut":
        good.tar.write_bytes(content[:1024])
    elif harm == "no checksum":
        checksum.unlink()
    else:
        checksum.write_text("?" if harm == "bad checksum" else f"{'0' * 64}  x\n")
    said.clear()
    again = obtain(KAFKA, sources=["cache", "archive"], say=said.append)
    assert (again.source, again.sha256) == ("official archive", good.sha256)
    assert "is refused and removed" in said[0]
    assert good.sha256 == hashlib.sha256(again.tar.read_bytes()).hexdigest()


@pytest.mark.usefixtures("site")
def test_a_damaged_cache_alone_is_an_error_and_gone(said: list[str]) -> None:
    tar = obtain(KAFKA, sources=["archive"], say=said.append).tar
    tar.write_bytes(b"x")
    with pytest.raises(LabError, match="SHA-256 is not the one beside it"):
        obtain(KAFKA, sources=["cache"], say=said.append)
    assert not list(tar.parent.glob(f"{NAME}*"))


def test_what_a_killed_run_left_is_swept(site: Path, cache: Path, said: list[str]) -> None:
    (cache / ".part-abc").mkdir()
    (cache / ".part-abc" / f"{NAME}.tar").write_bytes(b"half")
    (cache / f".part-{NAME}.tar.verified").write_text("half")
    (cache / f"{NAME}.tar.sha256").write_text("0" * 64)
    got = obtain(KAFKA, sources=["cache", "archive"], say=said.append)
    assert got.source == "official archive"
    assert sorted(path.name for path in cache.iterdir()) == [
        ".lock",
        f"{NAME}.tar",
        f"{NAME}.tar.sha256",
        f"{NAME}.tar.verified",
    ]


def test_a_run_killed_in_the_download_leaves_no_final_name(cache: Path, tmp_path: Path) -> None:
    """Kill a real process in the middle of a download that never ends."""

    class Stall(Quiet):
        def do_GET(self) -> None:
            if self.path.endswith(".sha512"):
                body = b"0" * 128
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"\0" * (3 << 20))
            self.wfile.flush()
            done.wait(30)

    done = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stall)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    code = (
        "from lab.artifacts import kafka; from scripts.software.obtain import obtain; "
        f"obtain(kafka({VERSION!r}), sources=['archive'])"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], cwd=PROJECT, env={**os.environ, kafka_archive.VARIABLE: url}
    )
    try:
        deadline = time.monotonic() + 20
        while not any(part.stat().st_size for part in cache.glob(".part-*/*.tgz")):
            assert time.monotonic() < deadline, "the download did not begin within 20 s"
            time.sleep(0.02)
    finally:
        child.kill()
        child.wait()
        done.set()
        server.shutdown()
        server.server_close()
        thread.join()
    assert not list(cache.glob(f"{NAME}*"))
    with pytest.raises(LabError):
        obtain(KAFKA, sources=["cache"], say=lambda _line: None)
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_a_wrong_sha512_is_refused_and_the_next_source_tried(
    site: Path, cache: Path, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site / f"{NAME}.tgz.sha512").write_text(f"{NAME}.tgz: {'0' * 128}\n")
    built = write_archive(tmp_path / "built.tar")
    monkeypatch.setattr(
        kafka_maven, "build", lambda *_: (built, {"bin/a.sh": b"#!/bin/sh\n"})
    )
    got = obtain(KAFKA, say=said.append)
    assert got.source == "Maven"
    assert [line for line in said if "official archive" in line and "not the published one" in line]
    assert not list(cache.glob("*.tgz"))


def test_a_malicious_official_archive_is_refused(site: Path, cache: Path, said: list[str]) -> None:
    tgz = write_archive(site / f"{NAME}.tgz", top="elsewhere")
    tgz.with_name(f"{tgz.name}.sha512").write_text(sha512_line(tgz))
    with pytest.raises(LabError, match="official archive: the archive holds 'elsewhere'"):
        obtain(KAFKA, sources=["archive"], say=said.append)
    assert [path.name for path in cache.iterdir()] == [".lock"]


@pytest.mark.usefixtures("site")
def test_a_version_that_was_never_published_says_so(said: list[str]) -> None:
    with pytest.raises(LabError, match=r"3\.9\.77.*HTTP 404"):
        obtain(artifacts.kafka("3.9.77"), sources=["archive"], say=said.append)


def put_tgz(cache: Path, checksum: str | None = None) -> Path:
    tgz = write_archive(cache / f"{NAME}.tgz")
    tgz.with_name(f"{tgz.name}.sha512").write_text(checksum or sha512_line(tgz))
    return tgz


def test_a_tgz_that_a_person_put_there_is_taken(cache: Path, said: list[str]) -> None:
    tgz = put_tgz(cache)
    got = obtain(KAFKA, say=said.append)
    assert got.source == "cache"
    assert tgz.exists()
    assert obtain(KAFKA, say=said.append).sha256 == got.sha256


def test_a_tgz_of_a_person_needs_its_right_checksum(cache: Path, said: list[str]) -> None:
    tgz = put_tgz(cache, f"{'0' * 128}  x\n")
    with pytest.raises(LabError, match="SHA-512 is not the one beside it"):
        obtain(KAFKA, sources=["cache"], say=said.append)
    tgz.with_name(f"{tgz.name}.sha512").unlink()
    with pytest.raises(LabError, match=r"has no .*\.tgz\.sha512 beside it"):
        obtain(KAFKA, sources=["cache"], say=said.append)
    assert tgz.exists()


def test_all_sources_failing_is_one_line_with_each_reason(
    cache: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_maven(_say: object) -> None:
        raise LabError("there is no `mvn` here", hint="install it")

    monkeypatch.setattr(kafka_maven, "ensure_maven", no_maven)
    with pytest.raises(LabError) as caught:
        obtain(KAFKA, say=said.append)
    line = str(caught.value)
    assert "\n" not in line
    for part in (
        "cache: nothing in",
        "official archive: http://127.0.0.1:9/",
        "refused",
        "Maven: there is no `mvn` here",
        f"put {NAME}.tgz and {NAME}.tgz.sha512 into",
    ):
        assert part in line
    assert len([text for text in said if "building" not in text]) == 3


def test_an_unknown_source_is_named_with_the_accepted_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"'mirror'.*cache, archive, maven"):
        obtain(KAFKA, sources=["cache", "mirror"])
    monkeypatch.setenv(kafka_dist.SOURCES_VARIABLE, "cache, nexus")
    with pytest.raises(UsageError, match="'nexus'"):
        obtain(KAFKA)


def test_the_environment_chooses_the_sources(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setenv(kafka_dist.SOURCES_VARIABLE, " cache ,")
    with pytest.raises(LabError, match=r"could not be had: cache: [^;]*$"):
        obtain(KAFKA, say=said.append)


def test_an_address_that_is_no_web_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setenv(kafka_archive.VARIABLE, "file:///etc")
    with pytest.raises(UsageError, match=r"file:///etc.*https://"):
        obtain(KAFKA, sources=["archive", "maven"], say=said.append)


def test_two_runs_at_once_fetch_once(site: Path, said: list[str]) -> None:
    threads = [
        threading.Thread(
            target=obtain,
            args=(KAFKA,),
            kwargs={"sources": ["cache", "archive"], "say": said.append},
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len([line for line in said if "from official archive" in line]) == 1


def test_a_changed_dist_makes_a_new_maven_build(
    said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dist = tmp_path / "recipes" / "kafka"
    dist.mkdir(parents=True)
    (dist / "tools.toml").write_text("one")
    monkeypatch.setattr(kept, "RECIPES", tmp_path / "recipes")
    built = write_archive(tmp_path / "built.tar")
    monkeypatch.setattr(kafka_maven, "build", lambda *_: (built, {}))
    wanted = ["cache", "maven"]
    assert obtain(KAFKA, sources=wanted, say=said.append).source == "Maven"
    assert obtain(KAFKA, sources=wanted, say=said.append).source == "cache"
    (dist / "tools.toml").write_text("two")
    assert obtain(KAFKA, sources=wanted, say=said.append).source == "Maven"
    assert [line for line in said if "made from another recipe" in line]
    assert obtain(KAFKA, sources=wanted, say=said.append).source == "cache"


def test_maven_gets_the_version_and_its_first_error_is_said(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = fake_program(
        tmp_path,
        monkeypatch,
        "mvn",
        "printf '[\\033[1;31mERROR\\033[m] [ERROR] \\n[ERROR] Could not find org.x:y:1\\n"
        "[ERROR] \\n[ERROR] [Help 1] more\\n'; exit 1",
    )
    with pytest.raises(LabError, match=r"ended with 1: Could not find org\.x:y:1 \("):
        obtain(artifacts.kafka("3.9.7"), sources=["maven"], say=said.append)
    assert calls.read_text().split()[-2:] == ["package", "-Dkafka.version=3.9.7"]


def test_maven_is_installed_where_root_may(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = fake_program(
        tmp_path,
        monkeypatch,
        "apt-get",
        f'case "$*" in *update) > {tmp_path}/lists ;; *) [ -e {tmp_path}/lists ] ;; esac',
    )
    which = kafka_maven.shutil.which
    monkeypatch.setattr(kafka_maven.shutil, "which", lambda name: name != "mvn" and which(name))
    monkeypatch.setattr(kafka_maven.os, "geteuid", lambda: 0)
    kafka_maven.ensure_maven(said.append)
    install = "-q -y install --no-install-recommends maven"
    assert calls.read_text().splitlines() == [install, "-q -y update", install]
    assert said == ["Maven is not installed; installing it with apt-get"]


def test_without_maven_and_without_privilege_the_hint_says_what_to_install(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_program(tmp_path, monkeypatch, "sudo", "exit 1")
    which = kafka_maven.shutil.which
    monkeypatch.setattr(kafka_maven.shutil, "which", lambda name: name != "mvn" and which(name))
    monkeypatch.setattr(kafka_maven.os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match=r"no `mvn` here.*apt-get install maven"):
        kafka_maven.ensure_maven(said.append)


def test_the_import_stays_cheap() -> None:
    """`fab` imports this for every task: nothing that only a fetch needs may come with it."""
    code = "import sys, scripts.software.obtain; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert not {"urllib.request", "tarfile", "zipfile", "http.client"} & set(done.stdout.split())


def test_a_wrapper_is_made_for_each_class_that_is_there_and_no_other() -> None:
    classes = frozenset({"kafka.admin.TopicCommand", "kafka.Kafka"})
    made = kafka_maven.wrappers(kept.RECIPES / "kafka", classes)
    assert sorted(made) == [
        "bin/kafka-server-start.sh",
        "bin/kafka-server-stop.sh",
        "bin/kafka-topics.sh",
    ]
    assert b"kafka.admin.TopicCommand" in made["bin/kafka-topics.sh"]
    assert not [name for name, text in made.items() if re.search(rb"@@", text)]


@pytest.mark.parametrize("folder", ["/dev/null", "/sys"])
def test_a_cache_that_cannot_be_written_is_told_in_one_line(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", folder)
    for sources in (["cache"], ["maven"], None):
        with pytest.raises((OSError, LabError)) as caught:
            obtain(KAFKA, sources=sources)
        line = str(told(caught.value))
        assert line.startswith(f"{folder}/kafkalab: ") and "XDG_CACHE_HOME" in line
        assert "\n" not in line
