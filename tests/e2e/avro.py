"""Avro for tests, of records of whole numbers and texts: as Confluent's clients put it on the wire.

A record is a zero byte, the schema's id in four bytes, and Avro's own encoding (Avro specification,
"Binary Encoding"). Ids come from a registry, by its API.
"""

from __future__ import annotations

import io
import json
import struct
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

Schema = Mapping[str, Any]


@dataclass
class Registry:
    """A registry by its address, as a client sees it that has nothing to do with the lab."""

    url: str
    known: dict[int, Schema] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Its answer. Raises urllib.error.HTTPError."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data, {"Content-Type": "application/vnd.schemaregistry.v1+json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def status(self, method: str, path: str, body: object = None) -> int:
        """HTTP's status of its answer."""
        try:
            self.ask(method, path, body)
        except urllib.error.HTTPError as error:
            return error.code
        return 200

    def register(self, subject: str, schema: Schema) -> int:
        path = f"/subjects/{quote(subject, safe='')}/versions"
        return int(self.ask("POST", path, {"schema": json.dumps(schema)})["id"])

    def schema(self, number: int) -> Schema:
        if number not in self.known:
            self.known[number] = json.loads(self.ask("GET", f"/schemas/ids/{number}")["schema"])
        return self.known[number]

    def encode(self, subject: str, schema: Schema, values: Mapping[str, Any]) -> bytes:
        head = struct.pack(">bI", 0, self.register(subject, schema))
        return head + b"".join(_put(one["type"], values[one["name"]]) for one in schema["fields"])

    def decode(self, data: bytes, reader: Schema | None = None) -> dict[str, Any]:
        """The fields of a record; with a `reader`'s schema, those that it has."""
        magic, number = struct.unpack(">bI", data[:5])
        assert magic == 0
        body = io.BytesIO(data[5:])
        found = {one["name"]: _take(one["type"], body) for one in self.schema(number)["fields"]}
        assert not body.read()
        if reader is None:
            return found
        return {one["name"]: found.get(one["name"], one.get("default"))
                for one in reader["fields"]}


def _put(kind: str, value: Any) -> bytes:
    if kind == "string":
        data = value.encode()
        return _put("long", len(data)) + data
    assert kind == "long", kind
    number, parts = (value << 1) ^ (value >> 63), bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def _take(kind: str, body: io.BytesIO) -> Any:
    if kind == "string":
        return body.read(_take("long", body)).decode()
    assert kind == "long", kind
    number = shift = 0
    while True:
        (byte,) = body.read(1)
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1)
        shift += 7
