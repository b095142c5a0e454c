"""`make test` in its order and with its times; `make test-full` by part."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests import run
from tests.budget import PARTS, Record
from tests.conftest import PROJECT

MAKEFILE = (PROJECT / "Makefile").read_text()


class Calls:
    """Hears what is run; `statuses` by the last word, else 0."""

    def __init__(self, statuses: Mapping[str, int] | None = None) -> None:
        self.statuses, self.heard = statuses or {}, list[list[str]]()
        self.record = Record()
        self.unhosted = 0  # the exit status of the tests without hosts

    def __call__(self, argv: Sequence[str]) -> int:
        self.heard.append(list(argv))
        if "--record" in argv:
            record = Record(areas={"one": "base"})
            record.add("one", "call", 2.0)
            Path(argv[-1]).write_text(record.as_json(1, 1.0))
            return self.unhosted
        if "--steps" in argv:
            self.record = Record(**json.loads(Path(argv[-1]).read_text()))
        return self.statuses.get(argv[-1], 0)

    @property
    def names(self) -> list[str]:
        return [argv[-1] for argv in self.heard]


@pytest.mark.parametrize("unhosted", [0, 1])
def test_the_tests_come_last_and_are_told_what_went_before(unhosted: int) -> None:
    calls = Calls()
    calls.unhosted = unhosted
    assert run.affordable(calls) == unhosted
    assert sorted(calls.names[:-2]) == sorted(run.STEPS)
    for argv in calls.heard[-2:]:
        assert argv[1:4] == ["-m", "pytest", "tests"]
    chosen = [argv[argv.index("-m", 2) + 1] for argv in calls.heard[-2:]]
    assert chosen == ["not host", "host"]
    steps = [f"make {one}" for one in run.STEPS]
    assert list(calls.record.steps) == [*steps, "tests without hosts"]
    assert 0 <= max(calls.record.steps.values()) <= calls.record.together < 1
    assert calls.record.before["one"]["call"] == 2.0


def test_after_a_step_that_fails_there_are_no_tests() -> None:
    calls = Calls({"test-checkov": 2})
    assert run.affordable(calls) == 2
    assert sorted(calls.names) == sorted(run.STEPS)


def test_the_parts_follow_each_other_and_each_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    first, *others = PARTS
    calls = Calls({first: 1})
    assert run.full(list(PARTS), calls) == 1
    assert calls.names == list(PARTS)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{first:12} failed    0.0 min",
                     *(f"{name:12} passed    0.0 min" for name in others)]


def test_the_list_of_parts_tells_what_each_took(tmp_path: Path) -> None:
    (tmp_path / "durations-kills.json").write_text(json.dumps({"tests": {
        "a": {"area": "base", "setup": 60.0, "call": 0.0, "teardown": 30.0},
    }}))
    lines = dict(zip(PARTS, run.listed(tmp_path), strict=True))
    assert re.match(r"kills +1\.5 min  a run is killed", lines["kills"])
    assert re.match(r"docker +not run  the hosts", lines["docker"])


def test_what_is_asked_for_has_to_be_there(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["full", "klils"], ["full", "kills", "klils"]):
        assert run.main(words) == 2
        assert capsys.readouterr().err == f"error: no part 'klils' (known: {', '.join(PARTS)})\n"
    assert run.main(["kills"]) == 2
    assert capsys.readouterr().err == "error: kills (known: full, full list, full PART …)\n"


def test_several_parts_are_run_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(run, "full", lambda names, call: asked.extend(names) or 0)
    assert run.main(["full", "kills", "drills"]) == 0 and asked == ["kills", "drills"]


@pytest.mark.parametrize("target", [*run.STEPS, "test", "test-full", "quick"])
def test_the_makefile_has_every_target_and_no_other_way_to_its_tests(target: str) -> None:
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)
    assert re.search(r"^test: .*\n\t@\$\(BIN\)/python -m tests\.run$", MAKEFILE, re.MULTILINE)
    assert (PROJECT / ".ci/run").read_text().splitlines()[-1] == "exec make test"
