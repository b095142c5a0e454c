"""Clients of AWS's services, and their errors as one line each that a person can act on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeVar

from scripts.errors import LabError

T = TypeVar("T")

ATTEMPTS = 10  # with the delays of botocore's standard mode; a class throttles its own account
CONNECT_S, READ_S = 10, 60
THREADS = 16
IAM_POLICY = "docs/iam-policy.json"
# Services that answer for all regions from one place (IAM user guide; Price List endpoints).
GLOBAL_REGION = "us-east-1"
# EC2 API reference, "Common client error codes", and the names other services give the same.
REFUSED = {"UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "AccessDeniedFault"}
STRANGER = {
    "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch",
    "ExpiredToken", "ExpiredTokenException", "RequestExpired",
}
GONE = ("NotFound", "NoSuchEntity")
SIGN_IN = "`aws configure` or `aws sso login` gives new ones; AWS_PROFILE names a profile"


class AwsError(LabError):
    """AWS refused or failed. `code` is the one that its answer had, or ""."""

    def __init__(self, what: str, *, where: str = "", hint: str = "", code: str = "") -> None:
        self.code = code
        super().__init__(what, where=where, hint=hint)

    @property
    def gone(self) -> bool:
        """What was asked for does not exist (any more)."""
        return any(word in self.code for word in GONE)


class Clients:
    """One client a service and region, made at first use; safe in threads.

    `endpoint_url` stands for AWS itself: an emulator. Without it botocore's own AWS_ENDPOINT_URL
    does the same. Raises LabError at once where boto3 is missing.
    """

    def __init__(self, endpoint_url: str | None = None) -> None:
        try:
            import boto3  # noqa: PLC0415 - half a second that no other task needs
            from botocore.config import Config  # noqa: PLC0415 - 0.2 s
        except ModuleNotFoundError as error:
            raise LabError(
                "boto3 is not installed, and AWS is asked through it", hint="run `make venv`"
            ) from error
        self.endpoint_url = endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or None
        with spoken(""):
            self.session = boto3.session.Session()
        self._config = Config(
            retries={"mode": "standard", "max_attempts": ATTEMPTS},
            connect_timeout=CONNECT_S, read_timeout=READ_S, user_agent_extra="kafkalab",
            max_pool_connections=2 * THREADS,
        )
        self._made: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()  # making a client is not thread-safe, using one is

    def __call__(self, service: str, region: str = GLOBAL_REGION) -> Any:
        """The client of `service` in `region`."""
        with self._lock:
            if (service, region) not in self._made:
                with spoken(region):
                    self._made[service, region] = self.session.client(
                        service, region_name=region, endpoint_url=self.endpoint_url,
                        config=self._config,
                    )
            return self._made[service, region]

    def each(self, work: Callable[[str], T], regions: Iterable[str]) -> dict[str, T]:
        """`work(region)` for all regions side by side, its errors as LabErrors of that region."""
        def one(region: str) -> T:
            with spoken(region):
                return work(region)

        return fan_out(one, regions)

    def items(self, service: str, region: str, operation: str, key: str, **asked: Any) -> list[Any]:
        """What all pages of an operation list under `key`."""
        client = self(service, region)
        with spoken(region):
            if not client.can_paginate(operation):
                return list(getattr(client, operation)(**asked)[key])
            pages = client.get_paginator(operation).paginate(**asked)
            return [item for page in pages for item in page.get(key, ())]


def fan_out(work: Callable[[str], T], names: Iterable[str]) -> dict[str, T]:
    """`work(name)` for all names side by side; the first failure, the others in its notes."""
    names = list(dict.fromkeys(names))
    if not names:
        return {}
    with ThreadPoolExecutor(min(THREADS, len(names))) as pool:
        futures = {name: pool.submit(work, name) for name in names}
        wait(futures.values())
    failed = [error for future in futures.values() if (error := future.exception())]
    if failed:
        first = next((e for e in failed if not isinstance(e, LabError)), failed[0])
        for error in failed:
            if error is not first:
                first.add_note(str(error))
        raise first
    return {name: future.result() for name, future in futures.items()}


@contextmanager
def spoken(region: str) -> Iterator[None]:
    """Errors of boto3 as AwsErrors, which name the region."""
    from botocore import exceptions as said  # noqa: PLC0415 - 0.2 s

    try:
        yield
    except said.ClientError as error:
        raise _told(error, region) from error
    except (said.NoCredentialsError, said.PartialCredentialsError) as error:
        raise AwsError(
            "no AWS credentials here", hint="`aws configure`, or AWS_PROFILE; see docs/aws.md"
        ) from error
    except (said.TokenRetrievalError, said.SSOError, said.CredentialRetrievalError,
            said.ProfileNotFound) as error:
        raise AwsError(f"the AWS credentials cannot be used: {error}", hint=SIGN_IN) from error
    except (said.ConnectionError, said.HTTPClientError) as error:
        asked = str(error.kwargs.get("endpoint_url") or "")
        theirs = ".amazonaws." in asked or not asked
        hint = "is the region's name right?" if theirs else "does the emulator run?"
        raise AwsError(f"AWS does not answer: {error}", where=region, hint=hint) from error
    except said.BotoCoreError as error:
        raise AwsError(f"{type(error).__name__}: {error}", where=region) from error


def _told(error: Any, region: str) -> AwsError:
    """What a ClientError (botocore) says, with the next step where there is one."""
    answer = error.response.get("Error", {})
    code, operation = str(answer.get("Code", "")), error.operation_name
    text = " ".join(str(answer.get("Message", "")).split())
    hint = ""
    if code in REFUSED:
        text = text.partition("Encoded authorization")[0].strip()
        hint = f"your identity needs what {IAM_POLICY} allows"
    elif code in STRANGER:
        hint = SIGN_IN
    elif code == "OptInRequired":
        hint = "enable the region in the account's settings"
    return AwsError(f"{operation}: {code}: {text}"[:400], where=region, hint=hint, code=code)
