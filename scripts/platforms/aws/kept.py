"""Host keys in the bucket of Terraform's state, for machines that never met the hosts.

A console forgets the first boot that showed them, and a runner of CI remembers nothing. Who may
write there may write the states, too, and with them all that a host is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lab.options.aws import Backend
from scripts.platforms.aws.clients import REFUSED, AwsError, Clients, spoken

# S3 API reference, GetObject: what there is not; and what one hears who may not list.
NONE = {"NoSuchKey", "NoSuchBucket", "404", "403", *REFUSED}
NAME = "hostkeys.json"


class KeptKeys:
    """The keys of a lab's hosts by instance id, beside its states."""

    def __init__(self, clients: Clients, bucket: str, region: str, folder: str) -> None:
        self._clients, self.bucket, self._region = clients, bucket, region
        self._key = f"{folder}/{NAME}"

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self._key}"

    def read(self) -> dict[str, str]:
        """Those that are there; none where nobody has written them, or one may not look."""
        try:
            with spoken(self._region):
                answer = self._s3.get_object(Bucket=self.bucket, Key=self._key)
                found = json.loads(answer["Body"].read())
        except ValueError:
            return {}
        except AwsError as error:
            if error.code in NONE:
                return {}
            raise
        return found if isinstance(found, dict) else {}

    def add(self, keys: Mapping[str, str]) -> int:
        """Write down keys beside those that are there; how many were not. None where one may not.

        Raises AwsError for all else. An id is given to no second instance, so old ones do no harm.
        """
        there = self.read()
        new = {id: key for id, key in keys.items() if there.get(id) != key}
        if not new:
            return 0
        body = json.dumps(there | new, indent=1, sort_keys=True).encode()
        try:
            with spoken(self._region):
                self._s3.put_object(Bucket=self.bucket, Key=self._key, Body=body)
        except AwsError as error:
            if error.code in NONE:
                return 0
            raise
        return len(new)

    def forget(self) -> None:
        """Remove them, as far as there are any and one may."""
        try:
            with spoken(self._region):
                self._s3.delete_object(Bucket=self.bucket, Key=self._key)
        except AwsError as error:
            if error.code not in NONE:
                raise

    @property
    def _s3(self) -> Any:
        return self._clients("s3", self._region)


def kept_keys(
    clients: Clients, backend: Backend, region: str | None, owner: str, lab: str
) -> KeptKeys | None:
    """Where a lab keeps them; None where its states are on this machine."""
    where = backend.region or region
    if backend.kind != "s3" or backend.bucket is None or where is None:
        return None
    return KeptKeys(clients, backend.bucket, where, f"{backend.key_prefix}/{owner}/{lab}")
