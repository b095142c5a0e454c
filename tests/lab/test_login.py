"""Where a login shell knows Kafka's tools and the cluster: where exercises send people."""

from __future__ import annotations

import pytest

from lab.file import parse
from lab.services.local import local_context
from lab.services.registry import desired_state
from lab.state import File, Key
from lab.topology import build
from scripts.learning import library
from scripts.learning.place import tools

PROFILE = Key("file", "/etc/profile.d/kafkalab.sh")


@pytest.mark.parametrize("control", [0, 1])
@pytest.mark.parametrize("shape", [{"zookeeper": 1}, {"metadata": "kraft", "combined": 1}])
def test_the_host_with_the_tools_knows_them_and_the_cluster(
    control: int, shape: dict[str, object]
) -> None:
    topology = build(parse({"owner": "ann", "datacenters": [{
        "name": "d", "cidr": "10.1.0.0/24", "control": control, "kafka": 2, **shape}]}).lab)
    context = local_context(topology, {})
    (datacenter,) = topology.datacenters
    having = {host.name for host in topology.hosts if PROFILE in desired_state(host, context)}
    assert tools(datacenter).name in having
    assert having == {host.name for host in datacenter.by_role("control" if control else "kafka")}
    found = desired_state(tools(datacenter), context)[PROFILE]
    assert isinstance(found, File)
    assert "PATH=$PATH:/usr/local/kafka/bin\n" in found.content
    assert f"BOOTSTRAP={context.internal(datacenter).servers}\n" in found.content


@pytest.mark.parametrize("name", library.names())
def test_no_task_has_anybody_type_what_the_shell_knows(name: str) -> None:
    """But on a host beside it, whose shell knows it not where there is a control host."""
    for language in ("en", "ko"):
        lines = [line.strip() for line in library.load(name).task(language).splitlines()]
        assert not [line for line in lines if line.startswith(("PATH=", "BOOTSTRAP="))]
