"""In which engine a lab is, when a machine has two, and that its end is proven in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, strategies as st

from lab.paths import ENGINE, HOST_KEYS
from scripts.errors import CommandError, LabError, UsageError
from scripts.platforms import sshd
from scripts.platforms.local import Local, checks, finding, recipe
from scripts.platforms.local.choice import Memory, View, choose, decide
from scripts.platforms.local.engine import ENGINES, Engine
from scripts.platforms.local.finding import VARIABLE, Machine, Silent
from scripts.workstation import process
from tests.fake_engine import FakeContainer, FakeEngine
from tests.local_bench import Topology, topology

HOST = {"kafkalab.lab": "tiny", "kafkalab.host": "kafka1"}
SILENT = {name: Silent(name, f"{name} is asleep", f"wake {name}") for name in ENGINES}
BASE = f"{recipe.REPOSITORY}/base:{recipe.digest()}"


@dataclass
class Two:
    """A machine with two engines in memory; those in `asleep` do not answer."""

    state: Path
    asleep: set[str] = field(default_factory=set)
    fakes: dict[str, FakeEngine] = field(default_factory=lambda: {
        name: FakeEngine(name, networks={name: ("", "10.88.0.0/16")}, images={BASE: {}})
        for name in ENGINES
    })

    def __call__(self, argv: Sequence[str], **more: Any) -> CompletedProcess[str]:
        assert argv[0] not in self.asleep, f"{argv[0]} was asked"
        return self.fakes.get(argv[0], self.fakes["podman"])(argv, **more)

    def machine(self) -> Machine:
        return Machine({
            name: SILENT[name] if name in self.asleep else Engine(name, (name,))
            for name in self.fakes
        } | {name: None for name in ENGINES if name not in self.fakes})

    def choose(self, **more: Any) -> str:
        return choose("tiny", Memory(self.state), self.machine(), **more).name

    def local(self, engine: str = "", wanted: Topology | None = None) -> Local:
        return Local(
            cast(Any, wanted or topology()), state=self.state, say=lambda line: None,
            engine=Engine(engine, (engine,)) if engine else
            choose("tiny", Memory(self.state), self.machine(), several=True),
            machine=self.machine(),
        )

    def has(self, name: str, lab: str = "tiny") -> None:
        """Let an engine have a host of a lab that nobody remembers."""
        self.fakes[name].containers[f"{lab}.kafka1"] = FakeContainer(
            f"id-{lab}", f"{lab}.kafka1", {**HOST, "kafkalab.lab": lab}, ["image", "init"]
        )

    def answers(self, host: str, port: int) -> bool:
        return any(one.answers(host, port) for one in self.fakes.values() if one.containers)


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Two:
    found = Two(tmp_path / "state")
    found.state.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(process, "run", found)
    monkeypatch.setattr(sshd, "answers", found.answers)
    monkeypatch.setattr(checks, "ports", lambda wanted: [])
    monkeypatch.setattr(checks, "inotify", lambda hosts: [])
    monkeypatch.setattr(checks, "raise_inotify", lambda hosts: None)
    return found


def test_a_lab_stays_in_the_engine_that_it_was_made_in(two: Two) -> None:
    two.local("docker").create({})
    assert (two.state / ENGINE).read_text() == "docker\n"
    assert two.choose() == "docker", "Podman, which came later, is not taken"
    assert len(two.local().instances()) == 3
    assert two.local().create({}), "and nothing is made elsewhere"
    assert not two.fakes["podman"].containers


def test_it_is_remembered_before_anything_is_made(two: Two) -> None:
    two.fakes["docker"].broken = {"build"}
    with pytest.raises(CommandError):
        two.local("docker").create({})
    assert two.choose() == "docker"


def test_a_lab_that_nobody_remembers_is_where_its_hosts_are(two: Two) -> None:
    two.has("docker")
    assert two.choose() == "docker"
    two.has("docker", lab="other")
    del two.fakes["docker"].containers["tiny.kafka1"]
    assert two.choose() == "podman", "another lab is none of it"


def test_a_lab_that_was_made_anew_elsewhere_is_where_its_hosts_are(two: Two) -> None:
    """By another user, who has a state folder of his own."""
    Memory(two.state).keep("podman")
    two.has("docker")
    assert two.choose() == "docker"


def test_down_removes_it_there_and_the_keys_at_last(two: Two) -> None:
    two.local("docker").create({})
    (two.state / ENGINE).unlink()  # of an earlier version
    removed = two.local("podman").destroy()
    assert not two.fakes["docker"].containers
    assert "container tiny.kafka1 of docker" in removed
    kinds = [line.split()[0] for line in removed]
    assert kinds == sorted(kinds, key=lambda kind: kind == "file"), "the files are last"
    assert two.local().leftovers() == []


@pytest.mark.parametrize("broken", ENGINES)
def test_no_key_goes_while_a_host_is_left_in_some_engine(two: Two, broken: str) -> None:
    two.local("docker").create({})
    two.has("podman")
    two.fakes[broken].broken = {"rm", "rmi"}
    with pytest.raises(CommandError, match="rm is broken"):
        two.local().destroy()
    assert Memory(two.state).met and Memory(two.state).engine == "docker"
    assert [name for name, one in two.fakes.items() if one.containers] == [broken]
    two.fakes[broken].broken = set()
    two.local().destroy()
    assert not Memory(two.state).met and Memory(two.state).engine is None
    assert not two.local().leftovers()


def test_a_network_that_is_kept_is_remembered_too(two: Two) -> None:
    two.local("docker").create({})
    two.fakes["docker"].containers["guest"] = FakeContainer(
        "id-guest", "guest", {}, ["--network", "kafkalab-tiny", "mine", "bash"]
    )
    two.local().destroy()
    assert two.choose() == "docker" and two.local().leftovers() == ["network kafkalab-tiny"]
    elsewhere = two.local("podman")
    assert elsewhere.leftovers() == ["network kafkalab-tiny of docker"]
    assert [one.where for one in elsewhere.kept()] == elsewhere.leftovers()


def test_where_it_is_remembered_to_be_has_to_answer(two: Two) -> None:
    two.local("docker").create({})
    two.asleep = {"docker"}
    with pytest.raises(LabError, match=r"of tiny are in Docker\. docker is asleep \(wake docker"):
        two.choose(several=True)
    assert Memory(two.state).met
    del two.fakes["docker"]
    with pytest.raises(LabError, match="were made with Docker, which is not on the path"):
        two.choose(several=True)


def test_hosts_that_were_met_and_that_no_answering_engine_has_are_not_gone(two: Two) -> None:
    """A lab of an earlier version, which did not remember its engine."""
    (two.state / HOST_KEYS).write_text("{}")
    two.asleep = {"docker"}
    with pytest.raises(LabError, match=r"has the hosts of tiny, and docker is asleep"):
        two.choose()
    two.has("podman")
    assert two.choose() == "podman"
    two.fakes.clear()
    with pytest.raises(LabError, match=r"no engine .* and there is no other on this machine"):
        two.choose()


def test_of_an_unknown_lab_a_silent_engine_limits_the_word_that_it_is_gone(two: Two) -> None:
    two.asleep = {"docker"}
    local = two.local("podman")
    assert local.unproven() == ["nobody asked docker about tiny. docker is asleep (wake docker)"]
    (two.state / "id_ed25519").write_text("whose is it?")
    assert local.destroy() == [] and (two.state / "id_ed25519").exists()
    two.local("podman").create({})
    known = two.local()
    assert known.unproven() == []
    assert any("id_ed25519" in line for line in known.destroy())


@pytest.mark.parametrize("by", ["memory", "label"])
def test_a_variable_that_contradicts_is_one_clear_line(
    two: Two, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by == "memory":
        two.local("docker").create({})
    else:
        two.has("docker")
    monkeypatch.setenv(VARIABLE, "podman")
    with pytest.raises(UsageError) as caught:
        two.choose()
    assert caught.value.what == "LAB_ENGINE=podman, but the hosts of tiny are in Docker"
    monkeypatch.setenv(VARIABLE, "docker")
    assert two.choose() == "docker"


def test_once_it_is_gone_the_variable_chooses_anew(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.local("docker").create({})
    two.fakes["docker"].containers.clear()  # by hand
    monkeypatch.setenv(VARIABLE, "podman")
    assert two.choose() == "podman"
    monkeypatch.delenv(VARIABLE)
    assert two.choose() == "docker"


def test_hosts_in_both_are_named_and_down_removes_them_all(two: Two) -> None:
    for name in ENGINES:
        two.has(name)
    with pytest.raises(LabError, match="both Podman and Docker have hosts of tiny"):
        two.choose()
    two.local().destroy()
    assert not any(one.containers for one in two.fakes.values())


def test_no_engine_is_asked_that_need_not_be(two: Two) -> None:
    del two.fakes["docker"]
    assert two.choose() == "podman" and two.fakes["podman"].calls == []
    Memory(two.state).keep("podman")
    assert two.choose() == "podman" and two.fakes["podman"].calls == []


@pytest.fixture
def fresh(two: Two, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine of whose engines nobody has asked any, each of them as it is if it answers."""
    monkeypatch.setattr(finding, "_likely", lambda name: Engine(name, (name,)))
    monkeypatch.setattr(finding.shutil, "which", lambda name: f"/usr/bin/{name}")
    return Machine()


def on(two: Two, machine: Machine) -> Local:
    return Local(
        cast(Any, topology()), state=two.state, say=lambda line: None, machine=machine,
        engine=choose("tiny", Memory(two.state), machine),
    )


def test_one_question_tells_that_an_engine_answers_and_what_it_has(
    two: Two, fresh: Machine
) -> None:
    two.local().create({})
    podman = two.fakes["podman"]
    podman.calls.clear()
    local = on(two, fresh)
    assert len(local.instances()) == 3 and [one[0] for one in podman.calls] == ["ps"]
    del podman.containers["tiny.kafka1"]
    assert len(local.instances()) == 2, "what was told serves once"


def test_what_an_engine_told_a_while_ago_serves_nobody(
    two: Two, fresh: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.local().create({})
    local = on(two, fresh)
    del two.fakes["podman"].containers["tiny.kafka1"]
    monkeypatch.setattr(finding, "MOMENT_S", 0.0)
    assert len(local.instances()) == 2


def test_one_that_lists_nothing_is_asked_why(
    two: Two, fresh: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    Memory(two.state).keep("podman")
    two.fakes["podman"].broken = {"ps"}
    monkeypatch.setattr(finding, "_ask", SILENT.get)
    with pytest.raises(LabError, match=r"in Podman\. podman is asleep \(wake podman\)"):
        on(two, fresh)


def test_another_lab_is_ended_in_its_own_engine(two: Two) -> None:
    lab = SimpleNamespace(name="tiny", model_copy=lambda update: SimpleNamespace(**update))

    @dataclass(frozen=True)
    class Named:
        config: Any
        hosts: tuple[()] = ()

        @property
        def lab(self) -> str:
            return str(self.config.name)

    def named(name: str) -> Local:
        return Local.named(
            name, cast(Any, Named(lab)), state=two.state / name, machine=two.machine()
        )

    (two.state / "other").mkdir()
    two.has("docker", lab="other")
    assert named("other").engine.name == "docker"
    named("other").destroy()
    assert not two.fakes["docker"].containers
    with pytest.raises(UsageError, match=r"no other lab 'other' .* \(known: none\)"):
        named("other")
    Memory(two.state / "other").keep("docker")
    two.asleep = {"docker"}
    with pytest.raises(LabError, match=r"the hosts of other are in Docker\. docker is asleep"):
        named("other")
    with pytest.raises(UsageError, match=r"known: none; docker is asleep \(wake docker\)"):
        named("third")


def test_images_that_stay_are_told_with_the_command_that_removes_them(two: Two) -> None:
    docker, podman = (two.fakes[name] for name in ("docker", "podman"))
    docker.images.clear()
    podman.images = {f"{recipe.REPOSITORY}/host:1": {}, f"{recipe.REPOSITORY}/base:1": {},
                     f"{recipe.REPOSITORY}/lab:x": {}, "debian:12": {}}
    (line,) = two.local().stays()
    assert line.endswith("`podman rmi localhost/kafkalab/host:1 localhost/kafkalab/base:1`")
    assert "(1.05 GB, 1.05 GB;" in line
    two.has("podman", lab="other")
    assert two.local().stays() == [], "another lab still needs them"


NAMES = st.sampled_from([None, *ENGINES])
SEEN = st.dictionaries(st.sampled_from(ENGINES), st.integers(0, 3) | st.just("silent"))


@given(seen=SEEN, wish=NAMES, last=NAMES, met=st.booleans(), several=st.booleans())
def test_a_decision_never_passes_over_hosts(
    seen: dict[str, Any], wish: str | None, last: str | None, met: bool, several: bool
) -> None:
    """Whatever is there: an engine that is decided on answers, has the lab's hosts where any has
    some, and is neither against the variable nor against a memory that nobody can check."""
    hosts = {name: SILENT[name] if n == "silent" else n for name, n in seen.items()}
    try:
        found = decide(View("tiny", hosts, wish, last, met), several=several)
    except UsageError:
        assert wish, "nobody was contradicted"
        assert last != wish or not seen.get(wish), "it agreed with what is remembered"
        assert any(n for name, n in seen.items() if name != wish) or (last and last not in seen)
        return
    except LabError:
        assert any(n == "silent" for n in seen.values()) or (last and last not in seen) \
            or (met and not seen) \
            or all(seen.get(name) for name in ENGINES)
        return
    having = [name for name in ENGINES if isinstance(n := seen.get(name), int) and n]
    assert wish is None or found == wish
    if having:
        assert found in having
    if last and seen.get(last) == "silent":
        raise AssertionError("nobody knows what is there")
