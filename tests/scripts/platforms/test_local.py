"""The local platform against an engine in memory: what it creates, leaves alone and removes."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from lab.options.hosts import Hosts
from lab.packages import SOFTWARE, Software
from lab.standing import Obstacle
from scripts.errors import Closed, CommandError, LabError, TimeoutExpired
from scripts.operations.guard import missing_hosts
from scripts.platforms import local, sshd
from scripts.platforms.local import checks, keys, recipe
from scripts.platforms.local.engine import Engine
from scripts.software.packages import Packages
from tests.fake_engine import FakeContainer
from tests.labs import KAFKA, obtained
from tests.local_bench import ENGINES, PODMAN, Bench, Host, Topology, empty, topology


@ENGINES
def test_create_makes_what_the_lab_file_says(bench: Bench) -> None:
    instances = bench.local().create({})
    assert list(instances) == ["kafka1", "kafka2", "kafka3"]
    first = instances["kafka1"]
    assert (first.address, first.ssh_host, first.ssh_port) == ("10.66.0.31", "127.0.0.1", 26001)
    assert (first.running, first.user, first.host_key) == (True, "student", "ssh-ed25519 AAAA1")
    argv = bench.fake.containers["tiny.kafka1"].argv
    assert argv[argv.index("--ip") + 1] == "10.66.0.31"
    published = [after for word, after in pairwise(argv) if word == "--publish"]
    assert published == [
        "127.0.0.1:26001:22", "127.0.0.1:26501:9094", "127.0.0.1:26251:9194",
        "127.0.0.1:26371:9294"]
    # What brokers advertise is what is bound: `localhost` may mean ::1 first.
    address, port = bench.local().context({}, instances).reached["kafka1", 9094]
    assert f"{address}:{port}:9094" in published
    assert argv[argv.index("--hostname") + 1] == "kafka1"
    labels = bench.fake.containers["tiny.kafka1"].labels
    assert labels["kafkalab.lab"] == "tiny" and labels["kafkalab.datacenter"] == "dc1"
    assert bench.fake.networks["kafkalab-tiny"] == ("kafkalab.lab=tiny", "10.66.0.0/24")


@ENGINES
def test_the_second_create_only_looks(bench: Bench) -> None:
    first = bench.local().create({})
    bench.fake.calls.clear()
    assert bench.local().create({}) == first
    assert [call[0] for call in bench.fake.calls] == ["ps"]


@ENGINES
def test_prepare_makes_no_host_and_create_then_makes_no_image(bench: Bench) -> None:
    tag = next(iter(bench.fake.images))
    bench.local().prepare({})
    assert not bench.fake.containers and not bench.fake.made("build")
    assert ["image", "inspect", tag] in bench.fake.calls
    bench.local().create({})
    bench.fake.calls.clear()
    bench.local().prepare({})
    assert [call[0] for call in bench.fake.calls] == ["ps"], "nothing is to be prepared"


@PODMAN
@pytest.mark.parametrize("prebuilt", [True, False])
def test_hosts_are_made_with_the_packages_that_services_ask_for(
    prebuilt: bool, bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Unless they are to be made bare, when all of it goes over SSH."""
    one = obtained(tmp_path / "kafka.tar")
    bench.fake.images[recipe.host_tag([one])] = {}
    found = Packages(("tree",), tmp_path / "set.tar", "cd" * 32)
    packed = recipe.packed_tag(recipe.host_tag([one]), found)
    bench.fake.images[packed] = {"packed": "yes"}
    monkeypatch.setattr(local.Local, "packages", lambda platform, lacking: found)
    monkeypatch.setattr(local, "software_of", lambda topology: ("java", "tree"))
    monkeypatch.setitem(SOFTWARE, "tree", Software("/usr/bin/tree", {"debian": "tree"}))
    lab = bench.local()
    lab.prebuilt = prebuilt
    lab.create({KAFKA: one})
    assert bench.fake.images[f"{recipe.REPOSITORY}/lab:tiny"].get("packed") == (
        "yes" if prebuilt else None
    )


@PODMAN
def test_a_host_that_lacks_one_gets_all_that_the_lab_has_beyond_the_base(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that they fit together: kcat is in the base, and yet a host may have lost it."""
    monkeypatch.setattr(local, "software_of", lambda topology: ("java", "tree"))
    monkeypatch.setitem(SOFTWARE, "tree", Software("/usr/bin/tree", {"debian": "tree"}))
    asked: list[tuple[str, ...]] = []

    def fetch(images: object, names: tuple[str, ...], target: object) -> None:
        asked.append(names)
        raise LabError("no network")

    monkeypatch.setattr(local.Images, "fetch", fetch)
    with pytest.raises(LabError, match="kcat, tree could not be had: no network"):
        bench.local().packages(["kcat"])
    assert asked == [("kcat", "tree")]


@ENGINES
def test_a_host_may_do_what_its_tools_need_and_no_more(bench: Bench) -> None:
    def allowed(tools: Hosts) -> list[str]:
        wanted = topology()
        bench.fake.containers.clear()
        bench.local(replace(wanted, config=empty(hosts=tools))).create({})
        argv = bench.fake.containers["tiny.kafka1"].argv
        return sorted(after for word, after in pairwise(argv) if word == "--cap-add")

    usual = allowed(Hosts(tools=("git",)))
    assert "NET_RAW" not in usual
    assert allowed(Hosts(tools=("git", "tcpdump"))) == sorted([*usual, "NET_RAW"])


@PODMAN
def test_what_is_in_the_way_is_told_before_anything_is_made(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = Obstacle("", "port 26001 is taken", "free it")
    monkeypatch.setattr(checks, "ports", lambda wanted: [taken])
    assert bench.local().obstacles() == [taken]
    with pytest.raises(LabError, match="26001"):
        bench.local().create({})
    assert not bench.fake.containers and not bench.fake.networks.keys() & {"kafkalab-tiny"}
    assert not [call for call in bench.fake.calls if call[:2] == ["image", "inspect"]]


@ENGINES
def test_instances_is_one_call_and_needs_no_console(bench: Bench) -> None:
    bench.local().create({})
    bench.fake.calls.clear()
    assert bench.local().instances()["kafka2"].host_key == "ssh-ed25519 AAAA2"
    assert [call[0] for call in bench.fake.calls] == ["ps"]


@ENGINES
def test_a_host_key_that_was_never_read_is_none(bench: Bench) -> None:
    bench.local().create({})
    (bench.state / "hostkeys.json").write_text("not what we wrote")
    assert bench.local().instances()["kafka1"].host_key is None


@ENGINES
def test_missing_are_absent_and_stopped_hosts(bench: Bench) -> None:
    wanted = cast(Any, topology().hosts)

    def missing() -> list[str]:
        return [host.name for host in missing_hosts(wanted, bench.local().instances())]

    assert missing() == ["kafka1", "kafka2", "kafka3"]
    bench.local().create({})
    bench.fake.containers["tiny.kafka2"].state = "exited"
    assert missing() == ["kafka2"]


@ENGINES
def test_a_stopped_host_is_started_and_not_made_anew(bench: Bench) -> None:
    before = bench.local().create({})
    bench.fake.containers["tiny.kafka2"].state = "exited"
    bench.fake.calls.clear()
    assert bench.local().create({}) == before
    assert bench.fake.made("start") == [["start", before["kafka2"].id]]
    assert not bench.fake.made("run") and not bench.fake.made("rm")


@ENGINES
def test_a_paused_host_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its engine still holds its ports: they are not somebody else's."""
    before = bench.local().create({})
    bench.fake.containers["tiny.kafka2"].state = "paused"
    bench.fake.containers["tiny.kafka3"].state = "exited"
    held = {26002: Obstacle("", "port 26002 is taken", "free it")}
    monkeypatch.setattr(
        checks, "ports", lambda wanted: [held[port] for port in wanted if port in held]
    )
    assert not bench.local().instances()["kafka2"].running
    assert bench.local().create({}) == before


def networks_made(bench: Bench) -> list[list[str]]:
    return [call for call in bench.fake.calls if call[:2] == ["network", "create"]]


@ENGINES
@pytest.mark.parametrize("count", [2, 3], ids=["all of them are meant", "one of them is not"])
def test_a_network_that_was_pruned_is_made_again_and_hosts_keep_all_they_had(
    count: int, bench: Bench
) -> None:
    """`docker network prune` takes the network of a lab that is stopped."""
    wide = replace(topology(3), network=IPv4Network("10.66.0.0/23"))
    before = bench.local(wide).create({})
    (made,) = networks_made(bench)
    # The lab has become smaller since, and so would its network.
    smaller = replace(topology(count), network=IPv4Network("10.66.0.0/25"))
    bench.local(smaller).stop(list(before))
    bench.fake.prune()
    bench.fake.calls.clear()
    narrow = bench.local(smaller)
    (line,) = narrow.groundwork()
    assert line == ("network kafkalab-tiny (10.66.0.0/23), which is gone: made again, "
                    "3 hosts on it with their addresses")
    assert narrow.obstacles() == [] and not networks_made(bench), "it only looked"
    assert set(narrow.start(list(before))) == set(before)
    assert networks_made(bench) == [made], "the same subnet, gateway and label"
    assert narrow.instances() == before
    assert not bench.fake.made("run") and not bench.fake.made("rm")
    assert bench.local(smaller).groundwork() == []


@ENGINES
@pytest.mark.parametrize("killed", [0, 1, 2, 3])
def test_a_run_that_was_killed_while_hosts_were_connected_again_is_completed(
    killed: int, bench: Bench
) -> None:
    """Whatever is done of it: the network alone, some hosts on it, one between two networks."""
    before = bench.local().create({})
    bench.local().stop(list(before))
    bench.fake.prune()
    left = [killed]

    class Cut(Engine):
        def __call__(self, *args: str, **kwargs: Any) -> Any:
            if args[0] == "start" or (args[:2] == ("network", "connect") and not left[0]):
                raise KeyboardInterrupt
            left[0] -= args[:2] == ("network", "connect")
            return super().__call__(*args, **kwargs)

    first = bench.local(engine=Cut(bench.fake.name, (bench.fake.name,)))
    with pytest.raises(KeyboardInterrupt):
        first.create({})
    bench.fake.calls.clear()
    local = bench.local()
    assert bool(local.groundwork()) is (bench.fake.name == "docker" and killed < 3)
    assert local.create({}) == before
    assert not networks_made(bench)


@ENGINES
def test_a_host_that_was_taken_off_the_network_by_hand_is_put_back(bench: Bench) -> None:
    """While it stands still, and while it runs."""
    before = bench.local().create({})
    one, two, _ = (bench.fake.containers[f"tiny.kafka{n}"] for n in (1, 2, 3))
    bench.local().stop(["kafka1"])
    for each in (one, two):
        bench.fake._network_disconnect(["--force", "kafkalab-tiny", each.id], None)
    local = bench.local()
    assert local.groundwork() == ["1 host back on network kafkalab-tiny: kafka1"]
    assert local.create({}) == before
    assert one.network == "kafkalab-tiny"
    local.mend(local.troubles({"kafka2": Closed.SILENT}))
    assert two.network == "kafkalab-tiny" and two.joined == one.joined


@ENGINES
def test_a_network_that_another_one_took_the_place_of_is_told_before_anything_is_done(
    bench: Bench
) -> None:
    before = bench.local().create({})
    bench.local().stop(list(before))
    bench.fake.prune()
    bench.fake.networks["somebody"] = ("", "10.66.0.0/16")
    with pytest.raises(LabError, match=r"overlaps 10\.66\.0\.0/16 of network somebody .*remove"):
        bench.local().create({})
    assert not networks_made(bench)[1:] and not bench.fake.made("start")


@ENGINES
def test_options_for_a_guest_are_none_where_the_network_is_gone(bench: Bench) -> None:
    before = bench.local().create({})
    bench.local().stop(list(before))
    bench.fake.prune()
    with pytest.raises(LabError, match=r"network kafkalab-tiny is gone .*`fab up`"):
        bench.local().guest_options(cast(Any, None))


@ENGINES
def test_a_container_that_never_ran_is_made_anew(bench: Bench) -> None:
    before = bench.local().create({})
    cut = bench.fake.containers["tiny.kafka3"]
    cut.state, cut.started = "created", False
    after = bench.local().create({})
    assert after["kafka3"].id != before["kafka3"].id
    assert after["kafka1"] == before["kafka1"]


@PODMAN
def test_podman_calls_a_host_created_again_after_a_reboot_and_its_data_stays(bench: Bench) -> None:
    before = bench.local().create({})
    bench.fake.containers["tiny.kafka1"].state = "created"
    assert bench.local().create({}) == before
    assert not bench.fake.made("rm")


@ENGINES
def test_only_the_missing_hosts_are_made(bench: Bench) -> None:
    before = bench.local(topology(2)).create({})
    bench.fake.calls.clear()
    after = bench.local(topology(3)).create({})
    assert {name: after[name] for name in before} == before
    assert len(bench.fake.made("run")) == 1
    assert not [call for call in bench.fake.calls if call[:2] == ["network", "create"]]


@ENGINES
def test_a_host_that_left_the_lab_file_is_a_stranger_and_keeps_running(bench: Bench) -> None:
    bench.local(topology(3)).create({})
    assert bench.local(topology(2)).instances()["kafka3"].running
    assert bench.local(topology(2)).create({})["kafka3"].running


@ENGINES
def test_a_host_that_left_the_lab_file_rests_and_ends_with_the_lab(bench: Bench) -> None:
    bench.local().create({})
    smaller = bench.local(topology(2))
    assert smaller.stop(["kafka1", "kafka3"]) == ["kafka1", "kafka3"]
    assert smaller.start(["kafka1", "kafka3"]) == ["kafka1", "kafka3"]
    assert all(one.running for one in smaller.instances().values())
    smaller.destroy()
    assert bench.fake.containers == {}


@ENGINES
def test_a_host_is_removed_by_its_name_and_nothing_else_with_it(bench: Bench) -> None:
    bench.local().create({})
    assert bench.local().remove(["kafka3", "kafka9"]) == ["kafka3"]
    assert sorted(bench.fake.containers) == ["tiny.kafka1", "tiny.kafka2"]
    assert "kafkalab-tiny" in bench.fake.networks
    bench.fake.calls.clear()
    assert bench.local().remove(["kafka3"]) == [], "it is gone already"
    assert [call[0] for call in bench.fake.calls] == ["ps"]


@ENGINES
def test_a_host_cannot_move(bench: Bench) -> None:
    bench.local().create({})
    moved = Topology((Host("kafka1", IPv4Address("10.66.0.99"), 26001, 26501),))
    with pytest.raises(LabError, match=r"kafka1: address is 10\.66\.0\.31 .* 10\.66\.0\.99"):
        bench.local(moved).create({})


@ENGINES
def test_a_lost_state_directory_is_repaired_through_the_engine(bench: Bench) -> None:
    before = bench.local().create({})
    for path in bench.state.iterdir():
        path.unlink()
    # The pair that is made now differs from the one the hosts were given.
    for one in bench.fake.containers.values():
        one.labels["kafkalab.login"] = "another"
    assert bench.local().create({}) == before
    assert len(bench.fake.made("exec")) == 3
    bench.fake.calls.clear()
    bench.local().create({})
    assert not bench.fake.made("exec"), "the key was handed over once"


@ENGINES
def test_destroy_takes_all_of_the_lab_and_nothing_else(bench: Bench) -> None:
    bench.local().create({})
    bench.fake.containers["other.kafka1"] = FakeContainer(
        "other", "other.kafka1", {"kafkalab.lab": "other"}, []
    )
    bench.fake.images["localhost/kafkalab/lab:other"] = {"kafkalab.lab": "other"}
    (bench.state / "run.log").write_text("kept")
    removed = bench.local().destroy()
    assert "container tiny.kafka1" in removed and "network kafkalab-tiny" in removed
    assert f"image {recipe.REPOSITORY}/lab:tiny" in removed
    assert list(bench.fake.containers) == ["other.kafka1"]
    assert list(bench.fake.networks) == [bench.fake.name]
    assert sorted(bench.fake.images) == [
        f"{recipe.REPOSITORY}/base:{recipe.digest()}", "localhost/kafkalab/lab:other",
    ]  # fmt: skip
    assert [path.name for path in bench.state.iterdir()] == ["run.log"]
    assert bench.local().leftovers() == []
    assert bench.local().destroy() == []


@ENGINES
def test_destroy_removes_what_it_can_and_tells_what_it_could_not(bench: Bench) -> None:
    bench.local().create({})
    bench.fake.broken = {"rm"}
    with pytest.raises(CommandError, match="rm is broken"):
        bench.local().destroy()
    assert f"{recipe.REPOSITORY}/lab:tiny" not in bench.fake.images
    assert (bench.state / "id_ed25519").exists(), "hosts that are left can still be entered"


@ENGINES
def test_a_silent_host_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "DEADLINE_S", 0.0)
    bench.local().create({})
    (bench.state / "hostkeys.json").unlink()
    bench.fake.containers["tiny.kafka2"].silent = True
    with pytest.raises(TimeoutExpired, match=r"tiny\.kafka2: no host key .*it says: noise"):
        bench.local().create({})


@ENGINES
def test_a_host_without_sshd_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "READY_S", 0.0)
    monkeypatch.setattr(sshd, "answers", lambda host, port: port != 26002)
    with pytest.raises(TimeoutExpired, match=r"kafka2: sshd does not answer on 127\.0\.0\.1:26002"):
        bench.local().create({})


@ENGINES
def test_a_container_that_cannot_run_is_named(bench: Bench) -> None:
    bench.fake.broken = {"run"}
    with pytest.raises(LabError, match=r"kafka1: \w+ run: run is broken"):
        bench.local().create({})


@PODMAN
@pytest.mark.parametrize(("lost", "made"), [(1, 4), (4, 0)])
def test_a_container_that_podman_left_half_made_is_made_again_once(
    bench: Bench, lost: int, made: int
) -> None:
    bench.fake.monitors_lost = lost
    if made:
        assert all(one.running for one in bench.local().create({}).values())
        assert len(bench.fake.made("run")) == made
    else:
        with pytest.raises(LabError, match=r"kafka\d: podman run: container create failed"):
            bench.local().create({})


@ENGINES
def test_nothing_is_made_where_the_subnet_is_taken(bench: Bench) -> None:
    bench.fake.networks["kafkalab-older"] = ("kafkalab.lab=older", "10.66.0.0/23")
    with pytest.raises(LabError, match=r"overlaps 10\.66\.0\.0/23 .*kafkalab-older"):
        bench.local().create({})
    assert not bench.fake.made("run") and not bench.fake.made("build")


def test_a_host_cannot_speak_for_another_one() -> None:
    """Podman puts the name before each line; a carriage return begins none."""
    forged = "b noise\rc kafkalab host key: ssh-ed25519 FORGED\nb x\nc kafkalab host key: k\n"

    class Saying(Engine):
        def __call__(self, *args: str, **kwargs: Any) -> Any:
            return type("Done", (), {"stdout": forged})

    engine = Saying("podman", ("podman",))
    two = [local.Container(name, name, True, True, {}) for name in ("b", "c")]
    assert engine.consoles(two)["c"] == "kafkalab host key: k\n"


@ENGINES
def test_only_the_hosts_that_are_named_are_made(bench: Bench) -> None:
    some = bench.local(topology(3)).create({}, {"kafka2"})
    assert list(some) == ["kafka2"]
    assert len(bench.local(topology(3)).create({})) > 1


@ENGINES
def test_what_root_of_a_host_may_not_is_begun_by_the_engine(bench: Bench) -> None:
    bench.local().create({})
    assert bench.local().begin("kafka2", ["python3", "/run/x y"])
    begun = {name: one.begun for name, one in bench.fake.containers.items() if one.begun}
    assert begun == {"tiny.kafka2": [["python3", "/run/x y"]]}
