"""What a KRaft node has on its disk before its first start, as `kafka-storage.sh format` makes it.

Pure functions of names and numbers, so that every host of a datacenter gets what fits the others',
whenever it is made, and no JVM is started for it.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

# org.apache.kafka.common.record.internal.ControlRecordType
SNAPSHOT_HEADER, SNAPSHOT_FOOTER, KRAFT_VERSION, KRAFT_VOTERS = 3, 4, 5, 6
FEATURE_LEVEL = 12  # the API key of FeatureLevelRecord.json
CONTROL_BATCH = 0x20  # KIP-98, "Message format": of a batch's attributes
DYNAMIC = 1  # kraft.version of quorums whose voters may change (KIP-853)
MAGIC = 2
VERSION = "metadata.version"
QUORUM_VERSION = "kraft.version"  # of the quorum, not of the records in it
SNAPSHOT = "00000000000000000000-0000000000.checkpoint"  # of offset 0 in epoch 0
METADATA_LOG = "__cluster_metadata-0"
BOOTSTRAP = "bootstrap.checkpoint"
# What `kafka-features.sh version-mapping` gives for each release.
FEATURES: Mapping[str, Mapping[str, int]] = {
    "3.9": {"metadata.version": 21},
    "4.1": {
        "eligible.leader.replicas.version": 1, "group.version": 1, "metadata.version": 27,
        "transaction.version": 2,
    },
    "4.3": {
        "eligible.leader.replicas.version": 1, "group.version": 1, "metadata.version": 30,
        "share.version": 1, "streams.version": 1, "transaction.version": 2,
    },
}


@dataclass(frozen=True)
class Voter:
    """A controller of a quorum's first set, as the others reach it."""

    id: int
    directory: bytes  # 16 bytes
    listener: str
    host: str
    port: int


def features(version: str) -> Mapping[str, int]:
    """The levels that a cluster of a release begins with."""
    return FEATURES[version.rpartition(".")[0]]


def uuid(*words: str) -> bytes:
    """An id of 16 bytes that follows from words, as good as a random one (RFC 9562, version 8).

    Its text begins with no hyphen, which tools would take for an option.
    """
    found = bytearray(hashlib.sha256("\0".join(words).encode()).digest()[:16])
    found[0] &= 0x7F
    found[6] = found[6] & 0x0F | 0x80
    found[8] = found[8] & 0x3F | 0x80
    return bytes(found)


def text(uuid: bytes) -> str:
    """An id as Kafka writes it (org.apache.kafka.common.Uuid)."""
    return base64.urlsafe_b64encode(uuid).decode().rstrip("=")


def cluster_id(lab: str, datacenter: str) -> str:
    return text(uuid("cluster", lab, datacenter))


def directory_id(cluster: str, node: int) -> bytes:
    """That of a node's data directory."""
    return uuid("directory", cluster, str(node))


def meta_properties(cluster: str, node: int) -> str:
    """org.apache.kafka.metadata.properties.MetaProperties, version 1."""
    return (f"cluster.id={cluster}\ndirectory.id={text(directory_id(cluster, node))}\n"
            f"node.id={node}\nversion=1\n")


def bootstrap(levels: Mapping[str, int]) -> bytes:
    """The first records of a cluster: the levels of its features, that of all metadata first
    (org.apache.kafka.metadata.bootstrap.BootstrapDirectory)."""
    records = [
        (b"", _unsigned(1) + _unsigned(FEATURE_LEVEL) + _unsigned(0)
         + _string(name) + struct.pack(">h", level) + _unsigned(0))
        for name, level in sorted(levels.items(), key=lambda one: (one[0] != VERSION, one[0]))
    ]
    return _snapshot((), records)


def voters(found: Sequence[Voter]) -> bytes:
    """The first snapshot of a quorum that may change: who votes."""
    listed = b"".join(map(_voter, found))
    return _snapshot((
        (KRAFT_VERSION, struct.pack(">hh", 0, DYNAMIC) + _unsigned(0)),
        (KRAFT_VOTERS, struct.pack(">h", 0) + _unsigned(len(found) + 1) + listed + _unsigned(0)),
    ), ())


def _voter(one: Voter) -> bytes:
    endpoint = (_string(one.listener) + _string(one.host) + struct.pack(">H", one.port)
                + _unsigned(0))
    supported = struct.pack(">hh", 0, DYNAMIC) + _unsigned(0)
    return (struct.pack(">i", one.id) + one.directory + _unsigned(2) + endpoint + supported
            + _unsigned(0))


def _snapshot(
    control: Iterable[tuple[int, bytes]], records: Sequence[tuple[bytes, bytes]]
) -> bytes:
    """A snapshot: a batch with its header and other control records, data, and its footer."""
    header = (SNAPSHOT_HEADER, struct.pack(">hq", 0, 0) + _unsigned(0))
    footer = (SNAPSHOT_FOOTER, struct.pack(">h", 0) + _unsigned(0))
    first = [(struct.pack(">hh", 0, kind), value) for kind, value in (header, *control)]
    last = [(struct.pack(">hh", 0, kind), value) for kind, value in (footer,)]
    out, offset = b"", 0
    for attributes, batch in ((CONTROL_BATCH, first), (0, records), (CONTROL_BATCH, last)):
        if batch:
            out += _batch(offset, attributes, batch)
            offset += len(batch)
    return out


def _batch(offset: int, attributes: int, records: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A record batch (Kafka documentation, "Record Batch"); an empty key is none."""
    body = struct.pack(
        ">hiqqqhii", attributes, len(records) - 1, 0, 0, -1, -1, -1, len(records)
    ) + b"".join(_record(number, key, value) for number, (key, value) in enumerate(records))
    checked = struct.pack(">I", crc32c(body)) + body
    rest = struct.pack(">ib", 0, MAGIC) + checked
    return struct.pack(">qi", offset, len(rest)) + rest


def _record(number: int, key: bytes, value: bytes) -> bytes:
    body = (b"\0" + _signed(0) + _signed(number)
            + (_signed(len(key)) + key if key else _signed(-1))
            + _signed(len(value)) + value + _signed(0))
    return _signed(len(body)) + body


def _string(value: str) -> bytes:
    data = value.encode()
    return _unsigned(len(data) + 1) + data


def _unsigned(value: int) -> bytes:
    """A varint, seven bits a byte."""
    return bytes(_sevens(value))


def _signed(value: int) -> bytes:
    """A varint in zigzag."""
    return _unsigned(value * 2 if value >= 0 else -value * 2 - 1)


def _sevens(value: int) -> Iterator[int]:
    while value > 0x7F:
        yield value & 0x7F | 0x80
        value >>= 7
    yield value


def _table() -> Iterator[int]:
    for number in range(256):
        value = number
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        yield value


CRC = tuple(_table())


def crc32c(data: bytes) -> int:
    """Castagnoli's CRC (RFC 3720, appendix B.4); Python has none."""
    value = 0xFFFFFFFF
    for byte in data:
        value = CRC[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF
