"""Clients of AWS's services, and their errors as one line each that a person can act on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeVar

from scripts.errors import LabError, one_line

T = TypeVar("T")

ATTEMPTS = 10  # with the delays of botocore's standard mode; a class throttles its own account
CONNECT_S, READ_S = 10, 60
THREADS = 16
# Of a list in one call: the least of what EC2 takes (API reference: 200 values of a filter, 100
# types of DescribeInstanceTypes, 1000 ids of most others).
A_CALL = 100
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
PROXY = "is a proxy in between? HTTPS_PROXY and NO_PROXY say which"
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
        """What all pages of an operation list under `key`, each once.

        Ids and filters may be as many as they are: they are asked for in portions.
        """
        client = self(service, region)
        with spoken(region):
            answers = [self._pages(client, operation, key, part) for part in in_portions(asked)]
        if len(answers) == 1:
            return answers[0]
        return list({repr(item): item for answer in answers for item in answer}.values())

    @staticmethod
    def _pages(client: Any, operation: str, key: str, asked: Mapping[str, Any]) -> list[Any]:
        if not client.can_paginate(operation):
            return list(getattr(client, operation)(**asked)[key])
        pages = client.get_paginator(operation).paginate(**asked)
        return [item for page in pages for item in page.get(key, ())]


def portions(values: Sequence[T], most: int = A_CALL) -> Iterator[list[T]]:
    """`values` in lists that one call takes."""
    for first in range(0, len(values), most):
        yield list(values[first:first + most])


def in_portions(asked: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """One question as the calls that together ask it, none with a list that is too long."""
    for name, value in asked.items():
        if not isinstance(value, list | tuple):
            continue
        if len(value) > A_CALL:
            for part in portions(value):
                yield from in_portions({**asked, name: part})
            return
        for place, one in enumerate(value):  # the filters
            if isinstance(one, Mapping) and len(one.get("Values", ())) > A_CALL:
                for part in portions(one["Values"]):
                    rest = [*value[:place], {**one, "Values": part}, *value[place + 1:]]
                    yield from in_portions({**asked, name: rest})
                return
    yield asked


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
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - 0.2 s

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
        what = f"the AWS credentials cannot be used: {one_line(error)}"
        raise AwsError(what, hint=SIGN_IN) from error
    except (said.ConnectionError, said.HTTPClientError) as error:
        asked = str(error.kwargs.get("endpoint_url") or "")
        theirs = ".amazonaws." in asked or not asked
        hint = "is the region's name right?" if theirs else "does the emulator run?"
        what = f"AWS does not answer: {one_line(error)}"
        raise AwsError(what, where=region, hint=hint) from error
    except ResponseParserError as error:  # a page of somebody in between
        # What botocore says stands before it.
        answer = str(error.args[0]).rpartition("may succeed:\n")[2]
        what = f"not an answer of AWS: {one_line(answer)}"
        raise AwsError(what, where=region, hint=PROXY) from error
    except said.BotoCoreError as error:
        raise AwsError(f"{type(error).__name__}: {one_line(error)}", where=region) from error


def _told(error: Any, region: str) -> AwsError:
    """What a ClientError (botocore) says, with the next step where there is one."""
    answer = error.response.get("Error", {})
    code, operation = str(answer.get("Code", "")), error.operation_name
    text = str(answer.get("Message", ""))
    hint = ""
    if code in REFUSED:
        text = text.partition("Encoded authorization")[0]
        hint = f"your identity needs what {IAM_POLICY} allows"
    elif code in STRANGER:
        hint = SIGN_IN
    elif code == "OptInRequired":
        hint = "enable the region in the account's settings"
    if not text:  # a page that is well-formed reads as an answer that says nothing
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        text, hint = f"answered with HTTP {status} and no words of AWS", hint or PROXY
    what = ": ".join(filter(None, (operation, code, one_line(text))))
    return AwsError(what, where=region, hint=hint, code=code)
