"""Write records of Avro as Confluent's clients do: a zero byte, the schema's id in four bytes, and
Avro's own encoding.

    python write.py FIRST LAST --schema FILE.avsc --topic TOPIC --registry URL

It registers the schema, whose fields may be of the types string and long, as the next version of
TOPIC-value. Brokers come from the environment: BOOTSTRAP, and CLIENT for closed ones.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from confluent_kafka import Producer


def registered(registry: str, subject: str, schema: str) -> int:
    """The id of a schema, which is the newest version then. Ends where the registry refuses it."""
    request = urllib.request.Request(  # noqa: S310 - what a student types
        f"{registry}/subjects/{subject}/versions", json.dumps({"schema": schema}).encode(),
        {"Content-Type": "application/vnd.schemaregistry.v1+json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return int(json.load(answer)["id"])
    except urllib.error.HTTPError as error:
        sys.exit(f"the registry refuses it: {error.read().decode()}")


def long(number: int) -> bytes:
    """Zigzag, then seven bits in each byte, the lowest first."""
    number, parts = (number << 1) ^ (number >> 63), bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def string(text: str) -> bytes:
    data = text.encode()
    return long(len(data)) + data


def record(schema: dict[str, Any], number: int) -> bytes:
    """One record: fields in the order of the schema, without their names."""
    return b"".join(
        string(f"{one['name']}-{number}") if one["type"] == "string" else long(100 * number)
        for one in schema["fields"]
    )


def main() -> None:
    said = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    said.add_argument("first", type=int)
    said.add_argument("last", type=int)
    for name in ("schema", "topic", "registry"):
        said.add_argument(f"--{name}", required=True)
    asked = said.parse_args()
    text = Path(asked.schema).read_text(encoding="utf-8")
    schema = json.loads(text)
    number = registered(asked.registry, f"{asked.topic}-value", text)
    settings = {"bootstrap.servers": os.environ["BOOTSTRAP"], "acks": "all"}
    if os.environ.get("CLIENT"):
        settings |= json.loads(Path(os.environ["CLIENT"]).read_text())
    producer = Producer(settings)
    head = struct.pack(">bI", 0, number)
    for one in range(asked.first, asked.last + 1):
        producer.produce(asked.topic, head + record(schema, one))
    if producer.flush(30):
        sys.exit("the brokers do not answer")
    print(f"records {asked.first} to {asked.last} are written by the schema with the id {number}")


if __name__ == "__main__":
    main()
