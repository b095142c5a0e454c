"""What clients raise because of their surroundings is one line; a bug stays a bug."""

from __future__ import annotations

import ast
import http.client
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import paramiko
import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given, strategies as st

from scripts import errors
from scripts.drivers.driver import Report
from scripts.errors import FOREIGN, CommandError, LabError, foreign, one_line
from tests.fakes import FakeFleet, FakeHost

SCRIPTS = Path(errors.__file__).parent
PAGE = """<!DOCTYPE html>
<html><head><style>p { color: red }</style><title>403&#58; Access
  denied</title></head>
<body><h1>Sorry</h1><p>Ask your administrator.</p></body></html>"""

RAISED = (
    (KafkaException(KafkaError(KafkaError._TRANSPORT)), "Kafka: Local: Broker transport failure"),
    (KafkaException(KafkaError(KafkaError.NOT_CONTROLLER)), "Kafka: Broker: Not controller"),
    (paramiko.SSHException("No existing session"), "SSH: No existing session"),
    (http.client.RemoteDisconnected("gone"), "HTTP: gone"),
    (TimeoutError(), "network: TimeoutError"),
    (PermissionError(13, "Permission denied", "/s/lock"), "/s/lock: Permission denied"),
    (socket.gaierror(-2, "Name or service not known"), "network: [Errno -2] Name or service not"),
)


@pytest.mark.parametrize(("error", "line"), RAISED)
def test_a_client_that_fails_makes_a_line(error: Exception, line: str) -> None:
    told = foreign(error)
    assert told is not None and told.what.startswith(line) and "\n" not in str(told)
    assert told.__cause__ is error

    def work() -> str:
        raise error

    report = Report("dc1")
    assert not report.check("kafka", "topic", work)
    assert report.lines[0].seen == str(told)


@pytest.mark.parametrize("error", [KeyError("x"), FileNotFoundError("x"), AssertionError()])
def test_a_bug_stays_one(error: Exception) -> None:
    assert foreign(error) is None
    assert foreign(LabError("x")) is None

    def work() -> str:
        raise error

    with pytest.raises(type(error)):
        Report("dc1").check("kafka", "topic", work)


def test_of_many_hosts_a_client_that_fails_is_no_traceback() -> None:
    fleet = FakeFleet([FakeHost("a", {}), FakeHost("b", {})])

    def work(name: str) -> None:
        raise RAISED[0][0]

    with pytest.raises(LabError, match="Kafka: Local"):
        fleet.each(work, ["a", "b"])


def test_the_reason_that_a_script_names_is_the_line() -> None:
    said = "W: an error elsewhere\nreason: kafka.service ended: no disk\nfailed: wait\n"
    assert str(CommandError("change", 1, "", said)).endswith("with 1: kafka.service ended: no disk")


@pytest.mark.parametrize(("said", "line"), [
    (PAGE, "403: Access denied"),
    (f"GET http://x failed: {PAGE}", "GET http://x failed: 403: Access denied"),
    ("<html><body>\n<h1>502 Bad Gateway</h1>nginx</body></html>", "502 Bad Gateway"),
    ("<HTML><script>x()</script><p>no <b>way</b></HTML>", "no way"),
    ("<html><title></title><p>only text", "only text"),
    (f"invalid XML received: {PAGE.encode()!r}", "invalid XML received: 403"),
    ('<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Less, please</Message></Error>',
     "Less, please"),
    ("\x1b[1;31mE:\x1b[0m  no\tsuch\r\nthing\x07", "E: no such thing"),
    ("expected List<String>, found <a>", "expected List<String>, found <a>"),
    (" \n ", ""),
    (TimeoutError(), "TimeoutError"),
    (KeyError(), "KeyError"),
])
def test_what_others_say_is_a_line(said: object, line: str) -> None:
    assert one_line(said).startswith(line)
    assert line or one_line(said) == ""


@given(st.text(max_size=20), st.sampled_from(["", "x ", "<html>", "\n"]), st.integers(0, 400))
def test_a_line_is_one_line_and_short(text: str, repeated: str, times: int) -> None:
    said = one_line(text + repeated * times + text)
    assert len(said) <= FOREIGN
    assert said.isprintable()
    assert said == said.strip()
    assert one_line(said) == said or "<" in said


def test_of_a_line_that_is_too_long_both_ends_stay() -> None:
    """What failed stands at the beginning, and why often at the end."""
    said = one_line(f"upload failed: {'caused by ' * 99}no space left on device")
    assert said.startswith("upload failed: caused by")
    assert " … " in said
    assert said.endswith("no space left on device")
    assert len(said) <= FOREIGN


def test_of_a_command_that_prints_a_page_its_title_is_shown() -> None:
    told = str(CommandError(["curl", "x"], 22, stderr=PAGE))
    assert told == "`curl x` ended with 22: 403: Access denied"
    told = str(CommandError(["x"], 1, stderr="\x1b[31mfailed\x1b[0m" + "y" * 999))
    assert told.startswith("`x` ended with 1: failedy") and len(told) < FOREIGN + 20


def ours(trees: list[ast.Module]) -> set[str]:
    """The names of the lab's own errors, whose text is a line already."""
    known = {"LabError"}
    for _ in range(4):  # as deep as the tree of exceptions may be
        known |= {
            node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
            and any(getattr(base, "id", "") in known for base in node.bases)
        }
    return known


def spoken(parts: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """What is below, but not what `one_line` is given or what is asked for its class before."""
    for part in parts:
        made = isinstance(part, ast.Call) and getattr(part.func, "id", "") == "one_line"
        asked = isinstance(part, ast.IfExp) and "isinstance" in ast.dump(part.test)
        if not made and not asked:
            yield part
            yield from spoken(list(ast.iter_child_nodes(part)))


def raw(tree: ast.Module, known: set[str]) -> Iterator[int]:
    """Lines where the text of an exception that is not ours goes into a message as it is."""
    for handler in ast.walk(tree):
        if not isinstance(handler, ast.ExceptHandler) or handler.name is None:
            continue
        caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        if all(getattr(one, "id", "") in known for one in caught):
            continue
        for node in spoken(handler.body):
            shown = (
                node.value if isinstance(node, ast.FormattedValue)
                else node.args[0] if isinstance(node, ast.Call) and node.args
                and getattr(node.func, "id", "") in ("str", "repr") else None
            )
            if isinstance(shown, ast.Name) and shown.id == handler.name:
                yield node.lineno


def test_no_text_of_anybody_elses_goes_into_an_error_as_it_is() -> None:
    """It may be a page, or a page long: `one_line` makes it a line."""
    bad = ast.parse("try: x()\nexcept OSError as error:\n  raise LabError(f'no: {error}')")
    assert list(raw(bad, {"LabError"})) == [3]
    paths = sorted(SCRIPTS.rglob("*.py"))
    trees = [ast.parse(path.read_text()) for path in paths]
    model = [ast.parse(path.read_text()) for path in (SCRIPTS.parent / "lab").rglob("*.py")]
    known = ours(trees) | {
        node.name for tree in model for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    }
    found = {
        str(path.relative_to(SCRIPTS)): lines
        for path, tree in zip(paths, trees, strict=True) if (lines := list(raw(tree, known)))
    }
    assert found == {}


@pytest.mark.parametrize(("name", "known", "line"), [
    ("ordres", ["orders", "x"], "no topic 'ordres' in dc1 (did you mean orders?)"),
    ("zzz", ["orders", "x"], "no topic 'zzz' in dc1 (known: orders, x)"),
    ("zzz", [], "no topic 'zzz' in dc1 (known: none)"),
    ("a\x1b", ["b"], "no topic 'a\\x1b' in dc1 (known: b)"),
    ("zzz", [f"t{n}" for n in range(50)],
     "no topic 'zzz' in dc1 (known: t0, t1, t2, t3, t4, t5, t6, t7, t8, t9 and 40 more)"),
])
def test_a_name_that_nothing_has_leads_to_the_nearest(
    name: str, known: list[str], line: str
) -> None:
    error = errors.stranger("topic", name, "dc1", known)
    assert (str(error), error.exit_code) == (line, 2)
