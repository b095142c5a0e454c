"""AWS for the tests: moto's server on 127.0.0.1, and strictly what it lacks.

Real HTTP, so `fab` in a process of its own can be pointed at it. In front of moto stands one
function that answers for what moto does not have (the Pricing API, EC2's quotas, Debian's image
parameters, the console of an instance), that can be told to fail, and that hears every call.
"""

from __future__ import annotations

import base64
import json
import os
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

from tests.aws.price_list import products

ACCOUNT = "123456789012"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_DEFAULT_REGION": "eu-central-1", "NO_PROXY": "127.0.0.1",
}
UNSET = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION")
QUOTAS = {"L-1216C47A": 32.0, "L-34B43A08": 32.0}
PARAMETERS = {f"/aws/service/debian/release/12/latest/{a}": f"ami-{a}" for a in ("amd64", "arm64")}
# EC2 API reference: values of a filter in one call; DescribeInstanceTypes; ids of instances and of
# what is tagged.
MOST = {"Filter": 200, "InstanceType": 100, "InstanceId": 1000, "ResourceId": 1000}
Start = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], Start], Iterable[bytes]]


class Emulator:
    """One server for a whole test run; `reset` gives an empty account."""

    def __init__(self) -> None:
        # moto would read 500 images before its first answer, which no test looks at.
        os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            create_backend_app,
        )
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Quiet(WSGIRequestHandler):
            def log(self, *_: object) -> None: ...

        moto: Wsgi = DomainDispatcherApplication(create_backend_app)
        one_at_a_time = threading.Lock()  # two answers at once may break in what they share

        def answer(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
            with one_at_a_time:
                return list(moto(environ, start))

        self._moto: Wsgi = answer
        self._server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=Quiet
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self._clients: dict[tuple[str, str], Any] = {}
        self._clear()

    def _clear(self) -> None:
        self.calls: list[tuple[str, str]] = []  # a test may clear them
        self.heard: set[tuple[str, str]] = set()
        self.consoles: dict[str, str] = {}
        self.quotas = dict(QUOTAS)
        self.offline: set[str] = set()
        self.walled: set[str] = set()  # services in front of which somebody else answers
        self.hooks: dict[str, list[Callable[[], None]]] = defaultdict(list)
        self._failing: dict[str, list[tuple[str, int]]] = defaultdict(list)

    def reset(self) -> None:
        """An empty account, no faults, nothing heard."""
        from moto.core.model_instances import reset_model_data
        from moto.moto_api._internal.models import moto_api_backend

        moto_api_backend.reset()
        with suppress(NameError):
            reset_model_data()
        self._clear()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()

    def fail(self, operation: str, code: str, *, times: int = 1, status: int = 400) -> None:
        """Let the next calls of an operation fail."""
        self._failing[operation] += [(code, status)] * times

    def count(self, operation: str) -> int:
        return sum(1 for _, name in self.calls if name == operation)

    def client(self, service: str, region: str = "eu-central-1") -> Any:
        """A client of the tests' own."""
        import boto3

        if (service, region) not in self._clients:
            session = boto3.session.Session(
                aws_access_key_id="test", aws_secret_access_key="test", region_name=region
            )
            self._clients[service, region] = session.client(service, endpoint_url=self.url)
        return self._clients[service, region]

    # -- what happens in an account beside the code under test

    def forget(self, id: str, region: str) -> None:
        """An instance is gone, and EC2 has forgotten it."""
        for reservation in self._ec2(region).reservations.values():
            reservation.instances[:] = [one for one in reservation.instances if one.id != id]

    def spot(self, id: str, region: str) -> None:
        """An instance is one that was asked for on the spot market."""
        self._ec2(region).get_instance(id).lifecycle = "spot"

    def image(self, region: str, name: str, architecture: str) -> str:
        """Somebody registers an image."""
        made: str = self.client("ec2", region).register_image(Name=name)["ImageId"]
        self._ec2(region).amis[made].architecture = architecture
        return made

    def readdress(self, region: str, id: str, address: str) -> None:
        """An instance gets another public address."""
        for nic in self._ec2(region).get_instance(id).nics.values():
            nic.public_ip = address

    def _ec2(self, region: str) -> Any:
        from moto.backends import get_backend

        return get_backend("ec2")[ACCOUNT][region]

    # -- answering

    def _answer(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = _Again(body)
        service, operation, asked = _parse(environ, body)
        if "kafkalab" in environ.get("HTTP_USER_AGENT", ""):
            self.calls.append((service, operation))
            self.heard.add((service, operation))
        if service in self.walled:
            return _page(start)
        if service in self.offline:
            return _json(start, {"__type": "ServiceUnavailable", "message": "offline"}, 400)
        if self._failing[operation]:
            code, status = self._failing[operation].pop()
            return _failure(start, service, code, status)
        if service == "ec2" and (many := _too_many(asked)):
            return _failure(start, service, many, 400)
        for hook in self.hooks.pop(operation, ()):
            hook()
        if own := getattr(self, f"_{operation}", None):  # the methods named as operations
            answered: Iterable[bytes] | None = own(environ, start, asked)
            if answered is not None:
                return answered
        return self._moto(environ, start)

    def _GetConsoleOutput(
        self, environ: dict[str, Any], start: Start, asked: dict[str, Any]
    ) -> Iterable[bytes] | None:
        text = self.consoles.get(asked["InstanceId"])
        told: list[str] = []
        answer = b"".join(self._moto(environ, lambda status, headers, *_: told.append(status)))
        if not told[0].startswith("200"):
            return _xml(start, answer, int(told[0].split()[0]))
        output = base64.b64encode((text or "").encode()).decode()
        return _xml(start, (
            '<GetConsoleOutputResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
            f"<requestId>1</requestId><instanceId>{asked['InstanceId']}</instanceId>"
            f"<timestamp>2026-01-01T00:00:00.000Z</timestamp><output>{output}</output>"
            "</GetConsoleOutputResponse>"
        ).encode())

    def _DescribeInstances(
        self, environ: dict[str, Any], start: Start, asked: dict[str, Any]
    ) -> Iterable[bytes]:
        """With the groups of an instance, which EC2 names beside those of its interface."""
        told: list[str] = []
        answer = b"".join(self._moto(environ, lambda status, headers, *_: told.append(status)))
        return _xml(start, _grouped(answer), int(told[0].split()[0]))

    def _DescribeTags(
        self, environ: dict[str, Any], start: Start, asked: dict[str, Any]
    ) -> Iterable[bytes]:
        """With EC2's own word for an address."""
        answer = b"".join(self._moto(environ, lambda *_: None))
        return _xml(start, answer.replace(b"vpc-elastic-ip", b"elastic-ip"))

    def _GetServiceQuota(
        self, environ: dict[str, Any], start: Start, asked: dict[str, Any]
    ) -> Iterable[bytes] | None:
        if asked["ServiceCode"] != "ec2":
            return None
        return _json(start, {"Quota": {
            "ServiceCode": "ec2", "QuotaCode": asked["QuotaCode"],
            "Value": self.quotas[asked["QuotaCode"]],
        }})

    def _GetParameter(
        self, environ: dict[str, Any], start: Start, asked: dict[str, Any]
    ) -> Iterable[bytes] | None:
        name = asked["Name"]
        if name not in PARAMETERS:
            return None
        return _json(start, {"Parameter": {"Name": name, "Value": PARAMETERS[name]}})

    def _GetProducts(
        self, environ: dict[str, Any], start: Start, asked: dict[str, Any]
    ) -> Iterable[bytes]:
        found = [json.dumps(one) for one in products(asked)]
        first = int(asked.get("NextToken", "0"))
        page: dict[str, Any] = {"FormatVersion": "aws_v1", "PriceList": found[first:first + 1]}
        if first + 1 < len(found):
            page["NextToken"] = str(first + 1)
        return _json(start, page)


class _Again:
    """A body that was read once, for who reads it next."""

    def __init__(self, body: bytes) -> None:
        import io

        self._file = io.BytesIO(body)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _parse(environ: dict[str, Any], body: bytes) -> tuple[str, str, dict[str, Any]]:
    """(service, operation, arguments) of a request; an operation of S3 is its method and query."""
    scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    service = scope[1] if scope else ""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return service, target.rpartition(".")[2], json.loads(body or b"{}")
    fields = parse_qs(body.decode(errors="replace"))
    if "Action" in fields:
        return service, fields["Action"][0], {key: value[0] for key, value in fields.items()}
    method, query = environ["REQUEST_METHOD"], environ.get("QUERY_STRING", "")
    if environ["PATH_INFO"].strip("/").count("/"):  # of S3: BUCKET/KEY
        return service, f"{method} object", {}
    return service, f"{method} {query.partition('=')[0]}".strip(), {}


def _too_many(asked: dict[str, Any]) -> str:
    """The code with which EC2 refuses lists that are too long; "" where it takes them."""
    for name, number in Counter(key.rpartition(".")[0] for key in asked).items():
        kind = name.partition(".")[0]
        if number > MOST.get(kind, number):
            return "FilterLimitExceeded" if kind == "Filter" else "InvalidParameterValue"
    return ""


def _grouped(answer: bytes) -> bytes:
    from xml.etree import ElementTree

    root = ElementTree.fromstring(answer)
    for instance in root.iterfind(".//{*}instancesSet/{*}item"):
        own = instance.find("{*}groupSet")
        theirs = instance.find("{*}networkInterfaceSet/{*}item/{*}groupSet")
        if own is not None and theirs is not None and not len(own):
            own.extend(theirs)
    return ElementTree.tostring(root)


def _json(start: Start, answer: dict[str, Any], status: int = 200) -> Iterable[bytes]:
    start(f"{status} -", [("Content-Type", "application/x-amz-json-1.1")])
    return [json.dumps(answer).encode()]


def _xml(start: Start, answer: bytes, status: int = 200) -> Iterable[bytes]:
    start(f"{status} -", [("Content-Type", "text/xml")])
    return [answer]


def _page(start: Start) -> Iterable[bytes]:
    """What a proxy says in place of a service."""
    start("403 -", [("Content-Type", "text/html")])
    text = "<p>Your request was blocked by a policy of your network.</p>\n" * 40
    return [(  # not well-formed, as such pages are
        "<!DOCTYPE html>\n<html><head><title>Access\ndenied</title>"
        f"<style>p {{ margin: 0 }}</style></head>\n<body><br>\n{text}</body></html>"
    ).encode()]


def _failure(start: Start, service: str, code: str, status: int) -> Iterable[bytes]:
    if service in ("ec2",):
        return _xml(start, (
            f"<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors>"
            "<RequestID>1</RequestID></Response>"
        ).encode(), status)
    if service == "s3":
        said = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
        return _xml(start, said.encode(), status)
    if service in ("sts", "iam"):
        return _xml(start, (
            f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error>"
            "<RequestId>1</RequestId></ErrorResponse>"
        ).encode(), status)
    return _json(start, {"__type": code, "message": "no"}, status)
