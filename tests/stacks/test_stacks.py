"""The lab as Terraform: what is synthesized from every lab file, under both engines."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections import Counter
from ipaddress import IPv4Address, IPv4Network
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lab.file import LabFileError, parse
from lab.paths import login_key
from lab.topology import build
from stacks import aws, plan
from stacks.app import add_stacks
from stacks.bindings import terraform
from stacks.engine import cdk
from stacks.user_data import escape, user_data
from tests.aws_labs import EVERYTHING, FILES, KEY, PROJECT, data, overlaid
from tests.stacks.conftest import LABS, stacks_of
from tests.strategies import lab_data
from tests.synthesis import environment, synthesize

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
WALLS = {"stacks": ("scripts", "fabric", "paramiko"), "lab": ("scripts", "stacks", "cdktf")}


@pytest.fixture(autouse=True)
def _a_key_and_no_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKALAB_PUBLIC_KEY", KEY)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


@pytest.mark.parametrize("name", LABS)
def test_every_lab_is_synthesized_as_before(
    name: str, synthesized: dict[str, dict[str, Any]]
) -> None:
    """Compares with tests/snapshots; `make snapshots` writes them anew, for git to show."""
    path, extra = LABS[name]
    hosts = {host.name: host for host in build(parse(data(path, extra)).lab).hosts}
    found = {stack: _readable(content, hosts) for stack, content in synthesized[name].items()}
    folder = SNAPSHOTS / name
    if os.environ.get("KAFKALAB_SNAPSHOTS") == "write":
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.json"):
            old.unlink()
        for stack, content in found.items():
            text = json.dumps(content, indent=2, sort_keys=True)
            (folder / f"{stack}.json").write_text(text + "\n")
    kept = {one.stem: json.loads(one.read_text()) for one in folder.glob("*.json")}
    assert kept.keys() == found.keys(), "see the change with `make snapshots` and `git diff`"
    for stack, content in found.items():
        assert content == kept[stack], f"{stack}: see it with `make snapshots` and `git diff`"


def _readable(value: Any, hosts: dict[str, Any]) -> Any:
    """Without the engine's own remarks, and without the same first-boot script once a host."""
    if isinstance(value, list):
        return [_readable(item, hosts) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: _readable(item, hosts) for key, item in value.items() if key != "//"}
    if "user_data" in found:
        assert found["user_data"] == escape(user_data(hosts[found["tags"]["Name"]]))
        found["user_data"] = f"user data of {found['tags']['Name']}"
    return found


def test_the_first_boot_of_a_host_is_as_before() -> None:
    topology = build(parse(data(FILES[0])).lab)
    config = user_data(topology.hosts[0]).removeprefix("#cloud-config\n")
    path = SNAPSHOTS / "user_data.json"
    if os.environ.get("KAFKALAB_SNAPSHOTS") == "write":
        path.write_text(config)
    assert path.read_text() == config


def test_both_engines_make_the_same(
    synthesized: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    lab = overlaid(FILES[0], tmp_path / "lab.toml", EVERYTHING)
    run = synthesize(sys.executable, "stacks", lab, tmp_path, {"KAFKALAB_CDK": "cdktn"})
    assert _without_engine(run.stacks) == _without_engine(synthesized["everything"])


def _without_engine(stacks: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: part for key, part in content.items() if key != "//"}
        for name, content in stacks.items()
    }


def test_the_default_lab_takes_little_time_and_memory(tmp_path: Path) -> None:
    """2 s and 120 MB on a quiet machine (make bench); the time here bears a busy one."""
    lab = overlaid(FILES[0], tmp_path / "lab.toml")
    run = synthesize(sys.executable, "stacks", lab, tmp_path)
    assert run.memory_mb < 120
    assert run.cpu_s < 5


@pytest.mark.parametrize("name", LABS)
def test_hosts_are_where_the_topology_says(
    name: str, synthesized: dict[str, dict[str, Any]]
) -> None:
    path, extra = LABS[name]
    topology = build(parse(data(path, extra)).lab)
    for datacenter in topology.datacenters:
        stack = synthesized[name][plan.stack_name(topology.lab, datacenter.name)]["resource"]
        found = {one["tags"]["Name"]: one for one in stack["aws_instance"].values()}
        assert found.keys() == {host.name for host in datacenter.hosts}
        for host in datacenter.hosts:
            address = IPv4Address(found[host.name]["private_ip"])
            subnet_id = found[host.name]["subnet_id"].removeprefix("${aws_subnet.")
            if there := datacenter.config.subnet_ids:
                assert subnet_id == there[host.zone]
                subnet = datacenter.subnets[host.zone]
            else:
                made = stack["aws_subnet"][subnet_id.removesuffix(".id}")]
                subnet = IPv4Network(made["cidr_block"])
            # The first four addresses of a subnet and its last one belong to AWS.
            assert subnet[3] < address < subnet[-1]
            assert address == host.address
            assert found[host.name]["tags"]["role"] == host.role


@given(lab_data(), st.sets(st.integers(0, 255), min_size=1, max_size=4), st.sampled_from(
    ["22", "0-65535", "9092-9094", "20-30"]
))
def test_no_two_rules_say_the_same_and_none_overlaps_by_accident(
    content: dict[str, Any], octets: set[int], ports: str
) -> None:
    content["aws"] = {"region": "eu-central-1",
                      "admin_cidrs": [f"203.0.{octet}.0/24" for octet in sorted(octets)]}
    content["network"] = {"lab_ports": ports}
    names = [one["name"] for one in content["datacenters"]]
    content["links"] = [{"between": list(pair)} for pair in combinations(names, 2)]
    if "links" in names:
        return
    topology = build(parse(content).lab)
    for datacenter in topology.datacenters:
        rules = plan.ingress(topology, datacenter)
        assert len({(rule.source, rule.ports) for rule in rules}) == len(rules)
        assert len({rule.id for rule in rules}) == len(rules)
        for one, two in combinations(rules, 2):
            if one.source.overlaps(two.source):
                # Whoever may use the lab's ports may also log in: the one overlap that is meant.
                assert one.source == two.source
                assert {one.description, two.description} == {"ssh", "lab-ports"}
    assert len(list(plan.peerings(topology))) == len(content["links"])


@given(lab_data())
def test_what_is_named_in_terraform_is_named_once_and_legally(content: dict[str, Any]) -> None:
    for datacenter in build(parse(content).lab).datacenters:
        ids = Counter(plan.host_id(host) for host in datacenter.hosts)
        assert set(ids.values()) <= {1}
        assert all(one[0].isalpha() and one.replace("-", "").isalnum() for one in ids)


def test_a_rule_that_the_lab_ports_repeat_is_said_once() -> None:
    alone = {"network": {"lab_ports": "22"}, "links": [], "mirrors": []}
    lab = parse(data(FILES[0], alone)).lab
    topology = build(lab)
    rules = plan.ingress(topology, topology.datacenters[0])
    assert [rule.description for rule in rules] == ["ssh", "intra-vpc"]


def test_links_between_regions_are_asked_for_here_and_accepted_there(
    synthesized: dict[str, dict[str, Any]]
) -> None:
    links = synthesized["everything"]["kafkalab_links"]["resource"]
    asked = links["aws_vpc_peering_connection"]
    assert "peer_region" not in asked["peering-dc1_dc2"]
    assert asked["peering-dc2_dc3"]["peer_region"] == "us-east-1"
    accepted = links["aws_vpc_peering_connection_accepter"]["accepted-dc2_dc3"]
    assert (accepted["provider"], accepted["auto_accept"]) == ("aws.us-east-1", True)
    routes = {name: (one["provider"], one["destination_cidr_block"])
              for name, one in links["aws_route"].items()}
    assert routes == {
        "route-dc1_dc2": ("aws.eu-central-1", "10.10.2.0/24"),
        "route-dc2_dc1": ("aws.eu-central-1", "10.10.1.0/24"),
        "route-dc2_dc3": ("aws.eu-central-1", "10.10.3.0/24"),
        "route-dc3_dc2": ("aws.us-east-1", "10.10.2.0/24"),
    }


def test_the_stack_of_the_links_comes_after_those_it_links(tmp_path: Path) -> None:
    stacks_of(data(FILES[0], EVERYTHING), tmp_path)
    manifest = json.loads((tmp_path / "cdktf.out" / "manifest.json").read_text())["stacks"]
    assert set(manifest["kafkalab_links"]["dependencies"]) == {
        "kafkalab_dc1", "kafkalab_dc2", "kafkalab_dc3",
    }
    assert manifest["kafkalab_dc1"]["dependencies"] == []


def test_an_emulator_in_the_environment_takes_every_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    (stack,) = stacks_of(data(PROJECT / "labs" / "minimal.toml"), tmp_path).values()
    (provider,) = stack["provider"]["aws"]
    assert provider["endpoints"] == [dict.fromkeys(("ec2", "iam", "ssm", "sts"),
                                                   "http://127.0.0.1:1")]


@pytest.mark.parametrize(("make", "words"), [
    (lambda stack: aws.Vpc(stack, "a", cidr_bloc="10.0.0.0/16"),
     "Vpc has no argument 'cidr_bloc'; did you mean cidr_block?"),
    (lambda stack: aws.Vpc(stack, "a", zzz=1), "Vpc has no argument 'zzz'; it has "),
    (lambda stack: aws.Subnet(stack, "a"), "Subnet: missing a required argument: 'vpc_id'"),
    (lambda stack: aws.KeyPair(stack, "a", key="x"), "did you mean"),
    (lambda stack: aws.InstanceRootBlockDevice(volumesize=8), "did you mean volume_size?"),
    (lambda stack: aws.DataAwsVpcFilter(name="x"), "missing a required argument: 'values'"),
    (lambda stack: aws.AwsProvider(stack, "a", regoin="x"), "did you mean region?"),
])
def test_a_wrong_argument_is_a_type_error_that_names_the_nearest(make: Any, words: str) -> None:
    with pytest.raises(TypeError) as caught:
        make(cdk.TerraformStack(cdk.App(), "s"))
    assert words in str(caught.value)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ), max_leaves=10,
)


@given(json_values)
def test_what_is_not_given_is_nowhere_in_the_json(value: Any) -> None:
    def holds_none(item: Any) -> bool:
        inner = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        return any(one is None or holds_none(one) for one in inner)

    assert not holds_none(terraform(value))


def test_what_an_account_needs_is_told_at_once_with_the_keys_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KAFKALAB_PUBLIC_KEY", str(tmp_path / "none.pub"))
    content = data(FILES[0])
    del content["aws"]
    with pytest.raises(LabFileError) as caught:
        add_stacks(cdk.App(), parse(content))
    fields = [problem.field for problem in caught.value.problems]
    assert fields == ["aws.admin_cidrs", "aws.region", "KAFKALAB_PUBLIC_KEY"]


@pytest.mark.parametrize("given", ["text", "path", "own", "home"])
def test_the_key_is_the_files_the_environments_or_the_labs_own(
    given: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("KAFKALAB_PUBLIC_KEY")
    content = data(PROJECT / "labs" / "minimal.toml")
    other = KEY.replace("me@here", given)
    own = login_key(parse(content).lab.name).with_suffix(".pub")
    path = {"own": own, "home": tmp_path / "id.pub", "path": tmp_path / "keys" / "a.pub"}.get(given)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{other}\n")
    content["aws"] |= {"text": {"public_key": other}, "path": {"public_key": "keys/a.pub"},
                       "home": {"public_key": "~/id.pub"}}.get(given, {})
    (stack,) = stacks_of(content, tmp_path).values()
    assert stack["resource"]["aws_key_pair"]["key"]["public_key"] == other


def test_a_private_key_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "id").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nsecret\n")
    monkeypatch.setenv("KAFKALAB_PUBLIC_KEY", str(tmp_path / "id"))
    with pytest.raises(LabFileError, match=r"holds no ssh-ed25519") as caught:
        add_stacks(cdk.App(), parse(data(FILES[0])))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("extra", "status", "words"), [
    ({"aws": {"region": "eu-central-1"}}, 2, "error: lab.toml: aws.admin_cidrs: missing"),
    ({"aws": {"region": "eu-central-1", "admin_cidrs": ["0.0.0.0/0"], "world_open": True},
      "datacenters": [{"name": "a", "cidr": "10.0.0.0/24", "zookeeper": 1, "kafka": 1}],
      "links": [], "mirrors": []},
     0, "warning: lab.toml: aws.world_open = true"),
])
def test_the_app_speaks_in_lines_and_not_in_tracebacks(
    extra: dict[str, Any], status: int, words: str, tmp_path: Path
) -> None:
    overlaid(FILES[0], tmp_path / "lab.toml", extra)
    done = subprocess.run(
        [sys.executable, "-m", "stacks"], cwd=tmp_path, env=environment(Path("lab.toml")),
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_an_engine_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stacks"], cwd=tmp_path, capture_output=True, text=True,
        env=environment(FILES[0], KAFKALAB_CDK="cdk"), check=False,
    )
    assert done.stderr == "error: KAFKALAB_CDK=cdk: unknown; accepted: cdktf or cdktn\n"


@pytest.mark.parametrize("room", WALLS)
def test_the_walls_stand(room: str) -> None:
    for path in (PROJECT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert name.partition(".")[0] not in WALLS[room], path


@pytest.mark.parametrize("name", LABS)
def test_nothing_that_happens_by_itself_replaces_a_host(
    name: str, synthesized: dict[str, dict[str, Any]]
) -> None:
    """A newer image, a stop for the night and an hour that is moved all leave a host alone."""
    for stack in synthesized[name].values():
        for host in stack["resource"].get("aws_instance", {}).values():
            assert {
                "ami", "user_data", "associate_public_ip_address", 'tags["expires"]',
                'volume_tags["expires"]',
            } == set(host["lifecycle"]["ignore_changes"])
        for subnet in stack["resource"].get("aws_subnet", {}).values():
            assert subnet["lifecycle"]["ignore_changes"] == ["availability_zone_id"]


def test_each_datacenter_is_in_its_region(synthesized: dict[str, dict[str, Any]]) -> None:
    regions = {
        name: stack["provider"]["aws"][0]["region"]
        for name, stack in synthesized["everything"].items() if name != "kafkalab_links"
    }
    assert regions == {
        "kafkalab_dc1": "eu-central-1", "kafkalab_dc2": "eu-central-1",
        "kafkalab_dc3": "us-east-1",
    }


def test_in_a_network_that_exists_only_hosts_and_their_rules_are_made(
    synthesized: dict[str, dict[str, Any]]
) -> None:
    """And no links: who routes there is somebody else."""
    stacks = synthesized["company"]
    assert set(stacks) == {"kafkalab_dc1", "kafkalab_dc2"}
    for stack in stacks.values():
        assert set(stack["resource"]) == {
            "aws_instance", "aws_key_pair", "aws_security_group",
            "aws_vpc_security_group_egress_rule", "aws_vpc_security_group_ingress_rule",
        }
        assert "data" not in stack
        (group,) = stack["resource"]["aws_security_group"].values()
        assert group["vpc_id"] == "vpc-0123456789abcdef0"
        for host in stack["resource"]["aws_instance"].values():
            assert host["associate_public_ip_address"] is False
            assert host["ami"] == "ami-0123456789abcdef0"
            assert "depends_on" not in host
        assert "public_ip" not in json.dumps([
            stack["output"][name] for name in ("ssh", "bootstrap")
        ])
    rules = stacks["kafkalab_dc1"]["resource"]["aws_vpc_security_group_ingress_rule"]
    assert {one["cidr_ipv4"] for one in rules.values()} == {
        "10.0.0.0/8", "10.10.1.0/24", "10.10.2.0/24",
    }


def test_tags_of_ones_own_are_on_everything_and_find_nothing(tmp_path: Path) -> None:
    """The links look for networks by the lab's own tags: others may be changed by anybody."""
    content = data(FILES[0])
    content["aws"]["tags"] = {"cost-center": "4711"}
    for name, stack in stacks_of(content, tmp_path).items():
        for provider in stack["provider"]["aws"]:
            assert provider["default_tags"][0]["tags"]["cost-center"] == "4711", name
            assert provider["default_tags"][0]["tags"]["lab"] == "kafkalab", name
        for source in stack.get("data", {}).get("aws_vpc", {}).values():
            assert set(source["tags"]) == {"lab", "owner", "datacenter"}
