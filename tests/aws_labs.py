"""The shipped lab files, with what an AWS account needs filled in."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent.parent
FILES = [PROJECT / "lab.toml", *sorted((PROJECT / "labs").glob("*.toml"))]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43 + " me@here"
ACCOUNT: dict[str, Any] = {"region": "eu-central-1", "admin_cidrs": ["203.0.113.7/32"]}
# Every setting that changes what is synthesized, at once.
EVERYTHING: dict[str, Any] = {
    "aws": {
        "region": "eu-central-1",
        "admin_cidrs": ["203.0.113.7/32", "198.51.100.0/24"],
        "image": "debian12",
        "instance_types": {"control": "t4g.micro", "zookeeper": "t3.micro", "kafka": "m7g.large"},
        "volume_gb": {"kafka": 50},
        "spot": True,
        "instance_profile": "ssm",
        "ttl_hours": 8,
        "public_key": KEY,
        "endpoint_url": "http://127.0.0.1:5000",
        "backend": {"kind": "s3", "bucket": "states", "region": "eu-west-1"},
    },
    "network": {"lab_ports": "2181-9999"},
    "links": [{"between": ["dc1", "dc2"]}, {"between": ["dc2", "dc3"]}],
    "datacenters": [
        {"name": "dc1", "cidr": "10.10.1.0/24", "zones": 3},
        {"name": "dc2", "cidr": "10.10.2.0/24", "zones": 2},
        {"name": "dc3", "cidr": "10.10.3.0/24", "region": "us-east-1", "control": 0},
    ],
}

# In a company's account: its network, its images, its tags, and no public address.
COMPANY: dict[str, Any] = {
    "aws": {
        "region": "eu-central-1",
        "admin_cidrs": ["10.0.0.0/8"],
        "image_ids": {"eu-central-1": "ami-0123456789abcdef0"},
        "public_addresses": False,
        "tags": {"cost-center": "4711", "Team": "data platform"},
        "instance_profile": "ssm",
        "public_key": KEY,
    },
    "links": [{"between": ["dc1", "dc2"]}],
    "datacenters": [
        {"name": "dc1", "cidr": "10.10.1.0/24", "zones": 2, "vpc_id": "vpc-0123456789abcdef0",
         "subnet_ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]},
        {"name": "dc2", "cidr": "10.10.2.0/24", "vpc_id": "vpc-0123456789abcdef0",
         "subnet_ids": ["subnet-0123456789abcdef2"]},
    ],
}


def data(path: Path, extra: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a lab file says, with an account filled in and `extra` in the place of its sections."""
    read = tomllib.loads(path.read_text())
    read["aws"] = {**ACCOUNT, **read.get("aws", {})}
    return read | (extra or {})


def overlaid(path: Path, target: Path, extra: dict[str, Any] | None = None) -> Path:
    """Write `data(path, extra)` as a lab file."""
    target.write_text(_toml(data(path, extra)))
    return target


def _toml(value: dict[str, Any]) -> str:
    """TOML with every section as an inline table, which JSON's strings and lists already are."""
    return "".join(f"{key} = {_inline(item)}\n" for key, item in value.items())


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}" = {_inline(item)}' for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value)
