"""The bucket that keeps Terraform's state: made once, and brought to what a state needs.

Versioned, so that a state that was overwritten can be had again; encrypted; closed to the public
and to connections without TLS. It outlives labs and may serve several, so no audit of a lab removes
it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from lab.file import LabFile
from scripts.errors import LabError, UsageError
from scripts.platforms.aws.clients import GLOBAL_REGION, AwsError, Clients, spoken

TLS_ONLY = "TlsOnly"
ENCRYPTION = {
    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}],
}
CLOSED = {
    "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
# S3 API reference: what is told of a setting that was never made.
UNSET = (
    "NoSuchBucketPolicy", "NoSuchPublicAccessBlockConfiguration",
    "ServerSideEncryptionConfigurationNotFoundError",
)


class Bucket:
    """One bucket of one's own account. `changed` hears each thing that was done."""

    def __init__(self, clients: Clients, name: str, region: str) -> None:
        self.name, self.region = name, region
        self._s3 = clients("s3", region)
        with spoken(region):
            self._account = clients("sts", region).get_caller_identity()["Account"]

    def settle(self) -> list[str]:
        """Make the bucket and its settings as far as they are not so; what was changed."""
        changed = []
        if not self._exists():
            self._create()
            changed.append("made")
        for what, differs, mend in (
            ("versioned", self._unversioned, self._version),
            ("encrypted", self._unencrypted, self._encrypt),
            ("closed to the public", self._open, self._close),
            ("closed to connections without TLS", self._plain, self._demand_tls),
        ):
            if differs():
                mend()
                changed.append(what)
        return changed

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        with spoken(self.region):
            answer: dict[str, Any] = getattr(self._s3, operation)(
                Bucket=self.name, ExpectedBucketOwner=self._account, **arguments
            )
        return answer

    def _get(self, operation: str) -> dict[str, Any]:
        """The answer; {} where the setting was never made."""
        try:
            return self._call(operation)
        except AwsError as error:
            if error.code in UNSET:
                return {}
            raise

    def _exists(self) -> bool:
        """Raises LabError where the bucket is somebody else's, or in another region."""
        try:
            self._call("head_bucket")
        except AwsError as error:
            if error.code in ("404", "NoSuchBucket"):
                return False
            if error.code == "403":
                raise LabError(
                    "belongs to another account, or you may not see it", where=self.name,
                    hint="choose another aws.backend.bucket",
                ) from error
            if error.code in ("301", "PermanentRedirect"):
                raise LabError(
                    f"is not in {self.region}", where=self.name,
                    hint="set aws.backend.region to where it is",
                ) from error
            raise
        return True

    def _create(self) -> None:
        where: dict[str, Any] = {}
        if self.region != GLOBAL_REGION:  # which S3 does not take as a constraint
            where = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        with spoken(self.region):
            self._s3.create_bucket(Bucket=self.name, **where)
            self._s3.get_waiter("bucket_exists").wait(Bucket=self.name)

    def _unversioned(self) -> bool:
        return self._get("get_bucket_versioning").get("Status") != "Enabled"

    def _version(self) -> None:
        self._call("put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"})

    def _unencrypted(self) -> bool:
        """Whether nothing is encrypted by default; another algorithm (KMS) is as good."""
        found = self._get("get_bucket_encryption").get("ServerSideEncryptionConfiguration", {})
        return not any(
            rule.get("ApplyServerSideEncryptionByDefault") for rule in found.get("Rules", ())
        )

    def _encrypt(self) -> None:
        self._call("put_bucket_encryption", ServerSideEncryptionConfiguration=ENCRYPTION)

    def _open(self) -> bool:
        found = self._get("get_public_access_block").get("PublicAccessBlockConfiguration", {})
        return any(not found.get(key) for key in CLOSED)

    def _close(self) -> None:
        self._call("put_public_access_block", PublicAccessBlockConfiguration=CLOSED)

    def _policy(self) -> dict[str, Any]:
        text = self._get("get_bucket_policy").get("Policy")
        found: dict[str, Any] = json.loads(text) if text else {"Version": "2012-10-17"}
        return found

    def _plain(self) -> bool:
        return self._statement() not in self._policy().get("Statement", ())

    def _demand_tls(self) -> None:
        """Add the lab's statement; those of others stay."""
        policy = self._policy()
        others = [one for one in policy.get("Statement", ()) if one.get("Sid") != TLS_ONLY]
        policy["Statement"] = [*others, self._statement()]
        self._call("put_bucket_policy", Policy=json.dumps(policy))

    def _statement(self) -> dict[str, Any]:
        # The partition stands in the caller's own name: aws, aws-cn, aws-us-gov.
        bucket = f"arn:{_partition(self.region)}:s3:::{self.name}"
        return {
            "Sid": TLS_ONLY, "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": [bucket, f"{bucket}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }


def _partition(region: str) -> str:
    for prefix, name in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
        if region.startswith(prefix):
            return name
    return "aws"


def settle(clients: Clients, file: LabFile, say: Callable[[str], None]) -> None:
    """Make the bucket that the lab file names. Raises UsageError where it names none."""
    config = file.lab.aws
    name, region = config.backend.bucket, config.backend.region or config.region
    if config.backend.kind != "s3" or name is None or region is None:
        raise UsageError(
            "the lab file keeps Terraform's state on this machine",
            hint='set kind = "s3" and bucket = "…" in [aws.backend] first',
        )
    changed = Bucket(clients, name, region).settle()
    done = ", ".join(changed) if changed else "in order, nothing to do"
    say(f"bucket {name} in {region}: {done}")
