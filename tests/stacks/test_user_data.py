"""The first boot of an instance, and how it ends: in a real Terraform and a real Python."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from hypothesis import assume, given, strategies as st

from lab.aws.tags import expires, moment
from lab.file import parse
from lab.topology import build
from stacks import expire
from stacks.user_data import MAX_BYTES, escape, user_data
from tests.aws_labs import EVERYTHING, FILES, data

TOKEN = "a-token"
no_terraform = pytest.mark.skipif(
    not shutil.which("terraform"), reason="no terraform on this machine"
)


@given(st.text(alphabet="${%}a\\\" \n"))
def test_escaped_text_opens_no_template(text: str) -> None:
    assume("$${" not in text and "%%{" not in text)
    escaped = escape(text)
    assert escaped.replace("$${", "").count("${") == escaped.replace("%%{", "").count("%{") == 0
    assert escaped.replace("$${", "${").replace("%%{", "%{") == text


def test_what_has_no_escape_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be escaped"):
        escape("$${x}")


@pytest.mark.terraform
@no_terraform
def test_terraform_gives_user_data_back_as_it_was(tmp_path: Path) -> None:
    host = build(parse(data(FILES[0])).lab).hosts[0]
    texts = {"host": user_data(host), "shell": 'echo "${A}" $(b) %{if} 100% $c\n'}
    (tmp_path / "main.tf.json").write_text(json.dumps({
        "output": {name: {"value": escape(text)} for name, text in texts.items()}
    }))
    for argv in (["init"], ["apply", "-auto-approve"]):
        _terraform(argv, tmp_path)
    found = json.loads(_terraform(["output", "-json"], tmp_path))
    assert {name: one["value"] for name, one in found.items()} == texts


@pytest.mark.terraform
@no_terraform
def test_terraform_understands_the_expressions_of_a_stack(tmp_path: Path) -> None:
    """The zones, with literal lists in the place of what AWS would answer."""
    snapshot = Path(__file__).parents[1] / "snapshots" / "everything" / "kafkalab_dc1.json"
    stack = json.loads(snapshot.read_text())
    subnet = stack["resource"]["aws_subnet"]["subnet-b"]
    (condition,) = subnet["lifecycle"]["precondition"]
    answers = {"zones.zone_ids": ["z3", "z1", "z2", "z4"], "locations": ["z4", "z2", "z1"]}

    def filled(text: str) -> str:
        for name, values in answers.items():
            text = re.sub(rf"data\.[\w.-]*{re.escape(name)}", json.dumps(values), text)
        return text

    tags = stack["resource"]["aws_instance"]["kafka-01"]["tags"]
    (tmp_path / "main.tf.json").write_text(json.dumps({"output": {
        "zone": {"value": filled(subnet["availability_zone_id"])},
        "enough": {"value": filled(condition["condition"])},
        "expires": {"value": tags["expires"]},
    }}))
    for argv in (["init"], ["apply", "-auto-approve"]):
        _terraform(argv, tmp_path)
    found = json.loads(_terraform(["output", "-json"], tmp_path))
    assert (found["zone"]["value"], found["enough"]["value"]) == ("z2", True)
    end = moment(found["expires"]["value"])
    assert end is not None
    hours = (end - datetime.now(UTC)) / timedelta(hours=1)
    assert hours == pytest.approx(EVERYTHING["aws"]["ttl_hours"], abs=0.1)


def _terraform(argv: list[str], folder: Path) -> str:
    done = subprocess.run(
        ["terraform", *argv, *(["-no-color"] if argv[0] != "output" else [])], cwd=folder,
        env={**os.environ, "CHECKPOINT_DISABLE": "1"}, capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_user_data_fits() -> None:
    for host in build(parse(data(FILES[0], EVERYTHING)).lab).hosts:
        assert len(escape(user_data(host)).encode()) < MAX_BYTES


class Metadata(BaseHTTPRequestHandler):
    """An instance's metadata service of the second version, and nothing of the first."""

    expires: ClassVar[str | None] = None
    broken: ClassVar[bool] = False

    def do_PUT(self) -> None:
        right = self.path == "/latest/api/token" and "X-aws-ec2-metadata-token-ttl-seconds" in (
            self.headers
        )
        self._answer(200 if right else 400, TOKEN)

    def do_GET(self) -> None:
        if self.headers.get("X-aws-ec2-metadata-token") != TOKEN:
            self._answer(401, "")
        elif self.broken:
            self._answer(503, "")
        elif self.path == "/latest/meta-data/tags/instance/expires" and self.expires:
            self._answer(200, self.expires)
        else:
            self._answer(404, "")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: Any) -> None:
        pass


class Instance:
    """A folder that stands for an instance: what is known of its end, and whether it was ended."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        program = folder / "systemctl"
        program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/calls\n')
        program.chmod(0o755)

    def look(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", expire.__file__], capture_output=True, text=True, check=False,
            env={
                "PATH": f"{self.folder}:{os.environ['PATH']}", "KAFKALAB_METADATA": self.url,
                "KAFKALAB_EXPIRES": str(self.folder / "lib" / "expires"),
                "http_proxy": "http://127.0.0.1:1",
            },
        )

    @property
    def ended(self) -> bool:
        calls = self.folder / "calls"
        return calls.exists() and calls.read_text() == "poweroff\n"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield Instance(tmp_path, f"http://127.0.0.1:{server.server_port}/latest")
    server.shutdown()
    server.server_close()
    Metadata.expires, Metadata.broken = None, False


def _in(hours: int) -> str:
    return expires(datetime.now(UTC) + timedelta(hours=hours))


@pytest.mark.parametrize(("expires", "ended"), [(None, False), (-1, True), (1, False)])
def test_a_host_ends_when_its_tag_says_so(
    expires: int | None, ended: bool, instance: Instance
) -> None:
    Metadata.expires = None if expires is None else _in(expires)
    done = instance.look()
    assert (done.returncode, done.stderr) == (0, "")
    assert instance.ended is ended


def test_a_host_whose_end_is_moved_lives_on(instance: Instance) -> None:
    Metadata.expires = _in(1)
    instance.look()
    Metadata.expires = None
    instance.look()
    Metadata.broken = True
    assert instance.look().returncode == 0
    assert not instance.ended


def test_without_metadata_the_last_known_end_holds(instance: Instance) -> None:
    Metadata.expires = _in(1)
    instance.look()
    (instance.folder / "lib" / "expires").write_text(_in(-1))
    Metadata.broken = True
    instance.look()
    assert instance.ended


def test_a_tag_that_is_no_time_ends_nothing_and_is_told(instance: Instance) -> None:
    Metadata.expires = "tomorrow"
    done = instance.look()
    assert done.returncode == 1
    assert "'tomorrow'; accepted: such as 20" in done.stderr
    assert not instance.ended
