"""What docs/iam-policy.json allows, asked by operation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[2] / "docs" / "iam-policy.json"
POLICY: dict[str, Any] = json.loads(PATH.read_text())
PREFIX = {"service-quotas": "servicequotas"}
# Service authorization reference, "Actions for Amazon S3": where an action is not its operation.
S3 = {
    "HeadBucket": "ListBucket", "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
# The operations of S3 as a request shows them: method and query. To list is to look whether one is
# there, as far as permissions go.
REQUESTS = {
    "GET list-type": "HeadBucket", "GET object": "GetObject", "PUT object": "PutObject",
    "DELETE object": "DeleteObject",
    "HEAD": "HeadBucket", "PUT": "CreateBucket",
    "GET versioning": "GetBucketVersioning", "PUT versioning": "PutBucketVersioning",
    "GET encryption": "GetBucketEncryption", "PUT encryption": "PutBucketEncryption",
    "GET publicAccessBlock": "GetPublicAccessBlock",
    "PUT publicAccessBlock": "PutPublicAccessBlock",
    "GET policy": "GetBucketPolicy", "PUT policy": "PutBucketPolicy",
}


def action(service: str, operation: str) -> str:
    """The action of an operation, as policies name it."""
    if service == "s3":
        operation = REQUESTS.get(operation, operation)
        operation = S3.get(operation, operation)
    return f"{PREFIX.get(service, service)}:{operation}"


def allowed(name: str) -> bool:
    return any(fnmatchcase(name, one) for one in actions())


def actions() -> Iterator[str]:
    """Every action that some statement allows."""
    for statement in POLICY["Statement"]:
        if statement["Effect"] == "Allow":
            given = statement["Action"]
            yield from [given] if isinstance(given, str) else given
