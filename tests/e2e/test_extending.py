"""The service of docs/extending.md on real hosts: all of its life, from a copy of the project."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import FAB, Lab
from tests.project.test_extending import BLOCKS, extend

pytestmark = [
    pytest.mark.host, pytest.mark.full("extending", sample=1, of="services that are added"),
]

PORT = 24990 + 1000  # port_base + 800 + 10 * 19


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the service in it."""
    return extend(tmp_path_factory.mktemp("extended"), BLOCKS)


@pytest.fixture
def lab(make_lab: MakeLab) -> Iterator[Lab]:
    made = make_lab(
        "web", first=60, port_base=25000, datacenters=[{"control": 1, "zookeeper": 1, "kafka": 1}],
        sections={"kafka": {"heap_mb": 128}, "zookeeper": {"heap_mb": 32}},
    )
    yield made
    # The project itself, which removes the lab, does not know the section.
    made.sections.pop("web", None)
    made.write()


def fab(copy: Path, lab: Lab, *words: str, expect: int = 0) -> str:
    """`fab` of the copy, on the lab's file and state."""
    done = subprocess.run(
        [str(FAB), *words], cwd=copy, capture_output=True, text=True, check=False, timeout=300,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "LAB": str(lab.file), "XDG_STATE_HOME": str(lab.folder / "state")},
    )
    assert done.returncode == expect, f"{done.stdout}{done.stderr}"
    return done.stdout


def page(port: int = PORT) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
        return answer.read().decode()


def test_a_service_that_was_added_lives_as_all_others_do(copy: Path, lab: Lab) -> None:
    (control,) = lab.of("control")
    lab.sections["web"] = {"enabled": True, "title": "Hello"}
    lab.write()
    assert f"+ host {control.name} (control, web)" in fab(copy, lab, "plan", expect=2)
    fab(copy, lab, "up", "verify")
    assert "Hello" in page()
    found = json.loads(fab(copy, lab, "status", "--json"))
    assert next(
        host for host in found["datacenters"][0]["hosts"] if host["name"] == control.name
    )["services"] == {"web": "running"}
    assert "web" in found["datacenters"][0]
    assert fab(copy, lab, "plan") == "plan: nothing to do\n"

    before = lab.main_pid(control, "web")
    lab.sections["web"]["title"] = "Goodbye"
    lab.write()
    said = fab(copy, lab, "plan", expect=2)
    assert "+<h1>Goodbye</h1>" in said.replace("    ", "")
    assert f"  {control.name} web\n" in said
    assert "1 service restarted one at a time" in fab(copy, lab, "up")
    assert "Goodbye" in page()
    assert lab.main_pid(control, "web") not in (0, before)
    assert fab(copy, lab, "plan") == "plan: nothing to do\n"

    lab.inside(control, "systemctl kill --signal=KILL web.service; systemctl stop web.service")
    assert "web on " in fab(copy, lab, "status", expect=1)
    fab(copy, lab, "up")
    assert "Goodbye" in page()

    lab.sections["web"]["enabled"] = False
    lab.write()
    assert "stop web.service" in fab(copy, lab, "plan", expect=2)
    fab(copy, lab, "up")
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        page()
    assert fab(copy, lab, "plan") == "plan: nothing to do\n"


def test_a_lab_that_was_made_before_lacks_the_port_and_is_told_so(copy: Path, lab: Lab) -> None:
    """No host is made anew for it; all else of the service is there."""
    lab.fab("up")
    (control,) = lab.of("control")
    others = [host for host in lab.topology.hosts if host != control]
    before = [lab.main_pid(host) for host in others]
    lab.sections["web"] = {"enabled": True}
    lab.write()
    said = fab(copy, lab, "plan", expect=2)
    assert f"note: {control.name}: port 8090 (main) is not published on a host that exists" in said
    fab(copy, lab, "up", "verify")
    assert [lab.main_pid(host) for host in others] == before
    assert "A Kafka lab" in lab.inside(control, f"""python3 - <<'END'
import urllib.request
print(urllib.request.urlopen("http://{control.address}:8090/").read().decode())
END
""")
