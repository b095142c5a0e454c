"""A drill's records as Avro: each names its schema by an id, which only a registry can explain.

On the wire as Confluent's clients put it: a zero byte, the id in four bytes, and Avro's own
encoding (Avro specification, "Binary Encoding"). Each version of the schema has a number more than
the one before, so that no version can be read as another.
"""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

MAGIC = b"\0"
HEAD = struct.Struct(">bI")
CONTINUED, BITS, LONGEST = 0x80, 7, 10  # of a number: a bit in each byte, and bytes


@dataclass
class Named:
    """What was seen of schemas. reads: of records by the group, by cluster and schema id, each read
    counted. samples: a record of each id. met: the ids that readers knew from the source before
    they moved. known: the schemas that a registry told after that, by id; asked: where it is,
    why: why it told nothing.
    """

    reads: Counter[tuple[str, int]] = field(default_factory=Counter)
    samples: dict[int, bytes] = field(default_factory=dict)
    met: set[int] = field(default_factory=set)
    known: dict[int, str] = field(default_factory=dict)
    asked: str = ""
    why: str = ""

    def note(self, cluster: str, value: bytes | None) -> None:
        """A record that the group has read."""
        number = schema_id(value)
        if number is not None:
            self.reads[cluster, number] += 1
            self.samples.setdefault(number, value or b"")


@dataclass(frozen=True)
class AvroScore:
    """Numbers of reads in the target, after the clients' move.

    undecoded: of records whose schema the registry did not know there, or that do not fit what it
    takes for it. without: of records that nobody could decode if there were none, but for readers
    that had met the schema before. unknown: the ids of the undecoded ones. asked: the datacenter
    whose registry was asked.
    """

    read: int
    undecoded: int
    without: int
    unknown: tuple[int, ...]
    asked: str
    why: str

    def sentence(self, target: str) -> str:
        """What could be decoded, with and without a registry there."""
        if not self.read:
            return f"No Avro record was read in {target}."
        found = (f"{_share(self.read - self.undecoded, self.read)} of the Avro records read in "
                 f"{target} could be decoded by the registry of {self.asked}")
        if self.unknown:
            found += f" ({self._lacking()})"
        return (f"{found}; without one, {_share(self.read - self.without, self.read)} by readers "
                "that had met their schemas before, and none by others.")

    def _lacking(self) -> str:
        ids = "ids" if len(self.unknown) > 1 else "id"
        numbers = ", ".join(map(str, self.unknown))
        return f"not those with the schema {ids} {numbers}" + (f": {self.why}" if self.why else "")


def score(named: Named, target: str) -> AvroScore:
    """How many of the records that were read in the target could be decoded."""
    there = {number: count for (cluster, number), count in named.reads.items()
             if cluster == target}
    unknown = sorted(number for number in there if not fits(
        named.samples.get(number, b""), named.known.get(number, "")))
    return AvroScore(
        read=sum(there.values()), undecoded=sum(there[one] for one in unknown),
        without=sum(count for number, count in there.items() if number not in named.met),
        unknown=tuple(unknown), asked=named.asked, why=named.why,
    )


def _share(part: int, whole: int) -> str:
    """A share in percent, never 100 where something is missing."""
    share = 100 * part / whole
    return "100 %" if part == whole else f"{min(share, 99.9):.1f} %"


def schema(version: int) -> str:
    """The schema's version, from 1 on; each may follow the one before."""
    more = [{"name": f"added{n}", "type": "long", "default": 0} for n in range(2, version + 1)]
    return json.dumps({
        "type": "record", "name": "Drill", "namespace": "kafkalab",
        "fields": [{"name": "text", "type": "string"}, *more],
    })


def encode(text: bytes, number: int, version: int) -> bytes:
    """A record with the schema of this version, which the registry calls `number`."""
    more = b"".join(_long(n) for n in range(2, version + 1))
    return HEAD.pack(0, number) + _long(len(text)) + text + more


def schema_id(value: bytes | None) -> int | None:
    """The id that a record names; None for one that is no Avro."""
    if not value or not value.startswith(MAGIC) or len(value) <= HEAD.size:
        return None
    return int(HEAD.unpack_from(value)[1])


def text(value: bytes | None) -> bytes | None:
    """What a record says, whoever explains its schema: it is what all versions begin with. A record
    that is no Avro is what it says itself."""
    if value is None or schema_id(value) is None:
        return value
    found = _number(value, HEAD.size)
    return value[found[1]:found[1] + found[0]] if found else value


def fits(value: bytes, told: str) -> bool:
    """Whether a record can be read with a schema of texts and whole numbers: all of it, and no
    more. A registry that knows the id as something else tells one that does not."""
    try:
        found: Mapping[str, object] = json.loads(told)
        fields = found["fields"]
        at = HEAD.size
        for one in fields if isinstance(fields, list) else ():
            number = _number(value, at)
            if number is None or one["type"] not in ("string", "long"):
                return False
            at = number[1] + (number[0] if one["type"] == "string" else 0)
    except (ValueError, LookupError, TypeError):
        return False
    return at == len(value)


def _long(number: int) -> bytes:
    """Avro's long: zigzag, then seven bits a byte, the least first."""
    left, found = (number << 1) ^ (number >> 63), bytearray()
    while left >= CONTINUED:
        found.append(left % CONTINUED | CONTINUED)
        left >>= BITS
    return bytes([*found, left])


def _number(value: bytes, at: int) -> tuple[int, int] | None:
    """A long of a record that begins at an offset, and where it ends; None where there is none."""
    found = 0
    for index, byte in enumerate(value[at:at + LONGEST]):
        found |= byte % CONTINUED << BITS * index
        if byte < CONTINUED:
            return (found >> 1) ^ -(found & 1), at + index + 1
    return None
