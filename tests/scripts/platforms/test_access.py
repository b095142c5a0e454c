"""Who may log in to local hosts, and the way back in when nobody can."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from scripts.errors import Closed, LabError, TimeoutExpired
from scripts.platforms.local import access
from scripts.platforms.local.access import DEAD, LOST, SLOW, UNREAD
from scripts.platforms.local.keys import ADMIT
from tests.fake_engine import FakeContainer
from tests.local_bench import ENGINES, PODMAN, Bench

LINE = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30)


@pytest.fixture
def other(bench: Bench, tmp_path: Path) -> Bench:
    """The same lab on the same engine from another state directory."""
    state = tmp_path / "other"
    state.mkdir()
    return replace(bench, state=state, said=[])


def three_hosts(bench: Bench) -> list[FakeContainer]:
    """In the order of their names; they were made side by side."""
    return [bench.fake.containers[f"tiny.kafka{number}"] for number in (1, 2, 3)]


def taken(bench: Bench) -> set[tuple[str, ...]]:
    return {tuple(one.authorized) for one in bench.fake.containers.values()}


@ENGINES
def test_a_second_state_directory_joins_and_locks_nobody_out(bench: Bench, other: Bench) -> None:
    first = bench.local().create({})
    assert {one.host_key for one in other.local().instances().values()} == {None}
    assert other.local().create({}) == first
    own, joined = ((one.state / "id_ed25519.pub").read_text().strip() for one in (bench, other))
    assert own != joined and taken(bench) == {(own, joined)}
    assert other.said == ["login key added on 3 hosts, beside those that were there"]
    for one in (bench, other):
        bench.fake.calls.clear()
        assert one.local().create({}) == first
        assert [call[0] for call in bench.fake.calls] == ["ps"], "both are in, nothing is to do"


@ENGINES
def test_hosts_that_another_one_has_made_anew_are_met_anew(bench: Bench, other: Bench) -> None:
    bench.local().create({})
    other.local().destroy()
    assert bench.local().instances() == {}
    made = other.local().create({})
    assert {one.host_key for one in bench.local().instances().values()} == {None}
    assert bench.local().create({}) == made
    assert bench.said[-1] == "login key added on 3 hosts, beside those that were there"


@ENGINES
def test_why_a_host_lets_nobody_in_is_seen_through_the_engine(bench: Bench, other: Bench) -> None:
    bench.local().create({})
    one, two, three = three_hosts(bench)
    one.published, two.sshd = False, "dead"
    silent = dict.fromkeys(("kafka1", "kafka2", "kafka3"), Closed.SILENT)
    assert bench.local().troubles(silent) == {"kafka1": LOST, "kafka2": DEAD, "kafka3": SLOW}
    refused = {"kafka3": Closed.REFUSED}
    assert str(bench.state / "id_ed25519") in bench.local().troubles(refused)["kafka3"].what
    strange = {"kafka1": Closed.UNKNOWN}
    assert bench.local().troubles(strange) == {"kafka1": UNREAD}
    assert "not known there" in other.local().troubles(strange)["kafka1"].what
    assert three.authorized and not (other.state / "id_ed25519").exists(), "it only looked"


@ENGINES
def test_each_trouble_is_mended_and_only_where_it_is(bench: Bench) -> None:
    bench.local().create({})
    one, two, three = three_hosts(bench)
    key = three.authorized[0]
    one.published, two.sshd, three.authorized = False, "dead", ["ssh-ed25519 SOMEBODY"]
    local = bench.local()
    found = local.troubles({
        "kafka1": Closed.SILENT, "kafka2": Closed.SILENT, "kafka3": Closed.REFUSED,
    })
    bench.fake.calls.clear()
    local.mend(found)
    assert (one.published, two.sshd) == (True, "runs")
    assert three.authorized == ["ssh-ed25519 SOMEBODY", key]
    assert one.authorized == two.authorized == [key]
    again = [call[:2] for call in bench.fake.calls if call[0] == "network" and call[1] != "ls"]
    assert again == ([["network", "reload"]] if bench.fake.name == "podman"
                     else [["network", "disconnect"], ["network", "connect"]])
    assert one.network == "kafkalab-tiny"


@ENGINES
def test_a_network_that_was_lost_under_hosts_that_run_is_made_again(bench: Bench) -> None:
    """As when the folder is gone that Podman keeps its networks in."""
    before = bench.local().create({})
    del bench.fake.networks["kafkalab-tiny"]
    for one in bench.fake.containers.values():
        bench.fake.forget(one)
    local = bench.local()
    found = local.troubles(dict.fromkeys(before, Closed.SILENT))
    assert set(found.values()) == {LOST}
    local.mend(found)
    assert bench.fake.networks["kafkalab-tiny"] == ("kafkalab.lab=tiny", "10.66.0.0/24")
    assert {one.network for one in bench.fake.containers.values()} == {"kafkalab-tiny"}
    assert local.instances() == before


@PODMAN
def test_a_lost_login_key_is_made_anew_and_added(bench: Bench) -> None:
    bench.local().create({})
    (bench.state / "id_ed25519").unlink()
    local = bench.local()
    local.mend(local.troubles(dict.fromkeys(local.instances(), Closed.REFUSED)))
    new = (bench.state / "id_ed25519.pub").read_text().strip()
    assert {keys[-1] for keys in taken(bench)} == {new}
    bench.fake.calls.clear()
    bench.local().create({})
    assert not bench.fake.made("exec"), "the key was added once"


@PODMAN
def test_what_cannot_be_mended_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "AGAIN_S", 0.0)
    bench.local().create({})
    _, two, _ = three_hosts(bench)
    two.sshd = "broken"
    with pytest.raises(LabError, match=r"tiny\.kafka2: ssh\.service does not start: .*journalctl"):
        bench.local().mend({"kafka2": DEAD})
    monkeypatch.setattr(access.sshd, "answers", lambda host, port: False)
    with pytest.raises(TimeoutExpired, match=r"kafka1: 127\.0\.0\.1:26001 still .*firewall"):
        bench.local().mend({"kafka1": LOST})


@settings(max_examples=25, deadline=None)
@given(lines=st.lists(LINE, max_size=4), key=LINE.filter(str.strip), whole=st.booleans())
def test_a_key_is_added_once_and_no_line_is_lost(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], key: str, whole: bool
) -> None:
    file = tmp_path_factory.mktemp("keys") / "etc" / "keys"
    if lines:
        file.parent.mkdir()
        file.write_text("\n".join(lines) + ("\n" if whole else ""))
    for _ in range(2):
        subprocess.run(
            ["sh", "-c", ADMIT, "admit", str(file)], input=f"{key}\n", text=True, check=True
        )
    assert file.read_text().splitlines() == [*lines, *([key] if key not in lines else [])]
    assert not os.stat(file).st_mode & 0o022, "sshd reads no file that others may write"  # noqa: PTH116
