from __future__ import annotations

import hashlib
import random
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from scripts.errors import LabError
from scripts.software.tar import MTIME, normalise, parse_checksum
from tests.kafka_archives import FILES, NAME, member, sha512_line, write_archive

DIGEST = hashlib.sha512(b"kafka").hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        DIGEST,
        f"{DIGEST}\n",
        f"{DIGEST}  kafka.tgz\n",
        f"{DIGEST} *kafka.tgz\n",
        f"kafka.tgz: {DIGEST.upper()}\n",
        "kafka.tgz: " + " ".join(DIGEST[at : at + 8] for at in range(0, 128, 8)),
        "kafka.tgz:\n" + "\n   ".join(DIGEST[at : at + 2].upper() for at in range(0, 128, 2)),
    ],
)
def test_each_checksum_format_is_read(text: str) -> None:
    assert parse_checksum(text, digits=128) == DIGEST


@pytest.mark.parametrize(
    "text", ["", "kafka.tgz:", DIGEST[:-1], DIGEST + "0", "<html>" * 30, "z" * 128]
)
def test_what_is_no_checksum_is_refused(text: str) -> None:
    with pytest.raises(LabError, match="no checksum of 128"):
        parse_checksum(text, digits=128)


@given(content=st.binary(max_size=64), group=st.integers(1, 128), per_line=st.integers(1, 9))
def test_grouping_does_not_change_a_checksum(content: bytes, group: int, per_line: int) -> None:
    digest = hashlib.sha512(content).hexdigest()
    groups = [digest[at : at + group] for at in range(0, 128, group)]
    lines = [" ".join(groups[at : at + per_line]) for at in range(0, len(groups), per_line)]
    assert parse_checksum("abc-1.tgz: " + "\n  ".join(lines), digits=128) == digest


def read(path: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(path, "r:") as archive:
        return {info.name: info for info in archive}


def text_of(path: Path, name: str) -> str:
    with tarfile.open(path, "r:") as archive:
        content = archive.extractfile(name)
        assert content
        return content.read().decode()


def test_a_normalised_tar_has_one_order_owner_time_and_mode(tmp_path: Path) -> None:
    source = write_archive(tmp_path / "in.tgz")
    target = tmp_path / "out.tar"
    digest = normalise(source, target, NAME, added={"bin/extra.sh": b"#!/bin/sh\n"})
    assert digest == hashlib.sha256(target.read_bytes()).hexdigest()
    members = read(target)
    assert list(members) == sorted(members)
    assert {(m.uid, m.gid, m.mtime) for m in members.values()} == {(0, 0, MTIME)}
    assert members[NAME].isdir() and members[f"{NAME}/libs"].mode == 0o755
    assert members[f"{NAME}/bin/kafka-topics.sh"].mode == 0o755
    assert members[f"{NAME}/bin/extra.sh"].mode == 0o755
    assert members[f"{NAME}/LICENSE"].mode == 0o644
    assert not [name for name in members if "site-docs" in name]
    assert text_of(target, f"{NAME}/config/server.properties") == "broker.id=0\n"


def test_the_class_path_and_the_manifest_list_the_jars_in_c_order(tmp_path: Path) -> None:
    target = tmp_path / "out.tar"
    normalise(write_archive(tmp_path / "in.tar"), target, NAME)
    libs = f"/usr/local/{NAME}/libs"
    assert text_of(target, f"{NAME}/classpath.args") == (
        f'-cp "{libs}/Upper-1.jar:{libs}/kafka_2.13-3.9.2.jar:{libs}/zookeeper-3.8.4.jar"\n'
    )
    assert text_of(target, f"{NAME}/.manifest") == (
        "11 Upper-1.jar\n4 kafka_2.13-3.9.2.jar\n9 zookeeper-3.8.4.jar\n"
    )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(), mtime=st.integers(0, 2**31), packed=st.booleans())
def test_the_same_content_gives_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, seed: int, mtime: int, packed: bool
) -> None:
    folder = tmp_path_factory.mktemp("same")
    names = list(FILES)
    random.Random(seed).shuffle(names)
    one = write_archive(folder / "one.tar")
    other = write_archive(
        folder / ("other.tgz" if packed else "other.tar"), {n: FILES[n] for n in names}, mtime=mtime
    )
    assert normalise(one, folder / "a", NAME) == normalise(other, folder / "b", NAME)
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()


def test_normalising_twice_changes_nothing(tmp_path: Path) -> None:
    once = normalise(write_archive(tmp_path / "in.tgz"), tmp_path / "a.tar", NAME)
    assert normalise(tmp_path / "a.tar", tmp_path / "b.tar", NAME) == once


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (member("/etc/passwd"), "unsafe member"),
        (member(f"{NAME}/../../etc/passwd"), "unsafe member"),
        (member(f"../{NAME}/x"), "unsafe member"),
        (member("elsewhere/x"), "holds 'elsewhere'"),
        (member(f"{NAME}-evil/x"), "holds"),
        (member(f"{NAME}/link", kind=tarfile.SYMTYPE), "neither a file nor a folder"),
        (member(f"{NAME}/hard", kind=tarfile.LNKTYPE), "neither a file nor a folder"),
        (member(f"{NAME}/device", kind=tarfile.CHRTYPE), "neither a file nor a folder"),
        (member(f"{NAME}/pipe", kind=tarfile.FIFOTYPE), "neither a file nor a folder"),
        (member(NAME), "where its folder"),
        (member(f'{NAME}/libs/a".jar'), "no class path can hold"),
        (member(f"{NAME}/libs/a:b.jar"), "no class path can hold"),
        (member(f"{NAME}/libs/a\nb.jar"), "no class path can hold"),
    ],
)
def test_a_malicious_member_is_refused(tmp_path: Path, bad: tarfile.TarInfo, reason: str) -> None:
    source = write_archive(tmp_path / "in.tar", more=[bad])
    with pytest.raises(LabError, match=reason):
        normalise(source, tmp_path / "out.tar", NAME)


def test_another_top_folder_is_refused(tmp_path: Path) -> None:
    source = write_archive(tmp_path / "in.tgz", top="kafka_2.12-3.9.2")
    with pytest.raises(LabError, match=r"holds 'kafka_2\.12-3\.9\.2', not kafka_2\.13-3\.9\.2/"):
        normalise(source, tmp_path / "out.tar", NAME)


def test_an_archive_without_jars_is_refused(tmp_path: Path) -> None:
    source = write_archive(tmp_path / "in.tgz", {"LICENSE": b""})
    with pytest.raises(LabError, match="no jar"):
        normalise(source, tmp_path / "out.tar", NAME)


@pytest.mark.parametrize("name", ["in.tgz", "in.tar"])
def test_a_cut_off_archive_is_refused(tmp_path: Path, name: str) -> None:
    source = write_archive(
        tmp_path / name, FILES | {"libs/big.jar": random.Random(1).randbytes(50_000)}
    )
    source.write_bytes(source.read_bytes()[:30_000])
    with pytest.raises(LabError, match="damaged"):
        normalise(source, tmp_path / "out.tar", NAME)


def test_garbage_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "in.tgz"
    source.write_bytes(b"<html>not found</html>" * 100)
    with pytest.raises(LabError, match="damaged"):
        normalise(source, tmp_path / "out.tar", NAME)


def test_apaches_checksum_of_an_archive_is_read(tmp_path: Path) -> None:
    source = write_archive(tmp_path / "in.tgz")
    assert parse_checksum(sha512_line(source), digits=128) == (
        hashlib.sha512(source.read_bytes()).hexdigest()
    )
