"""The lab's certificate authority: what it makes, when, who may read it, and who believes it."""

from __future__ import annotations

import datetime
import socket
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from scripts.clients import tls
from scripts.errors import LabError
from scripts.workstation import authority as module
from scripts.workstation.authority import Authority, Certificate, read
from scripts.workstation.paths import forget_certificates
from tests.closed import broker, closed, listening

NAMES = ("broker1", "broker1.lab.internal", "10.1.0.31", "localhost", "127.0.0.1")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    found = Authority(tmp_path, "lab")
    assert found.issue({"broker1": NAMES, "broker2": ("broker2",)}, days=30) == [
        "broker1", "broker2", "client"]
    return found


def test_it_makes_each_once(authority: Authority) -> None:
    before = {path.name: path.read_bytes() for path in authority.folder.iterdir()}
    assert authority.issue({"broker1": NAMES, "broker2": ("broker2",)}, days=30) == []
    assert {path.name: path.read_bytes() for path in authority.folder.iterdir()} == before


def test_nobody_else_reads_it(authority: Authority) -> None:
    assert authority.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in authority.folder.iterdir()} == {0o600}


def test_a_certificate_says_all_names_and_its_end(authority: Authority) -> None:
    one = authority.certificate("broker1")
    assert one is not None and set(one.names) == set(NAMES)
    assert abs(one.ends - datetime.datetime.now(datetime.UTC) - datetime.timedelta(30)) < (
        datetime.timedelta(minutes=1))


def test_a_name_more_makes_it_anew_and_no_other(authority: Authority) -> None:
    assert authority.issue({"broker1": NAMES, "broker2": ("broker2", "b2")}, days=30) == ["broker2"]


def test_one_that_is_about_to_end_is_made_anew(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    begins = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    one = Certificate((), begins, begins + datetime.timedelta(100))
    assert next(day for day in range(110) if one.stale(begins + datetime.timedelta(day))) == 90
    monkeypatch.setattr(module, "RENEWED_AT", 1.0)
    assert authority.issue({"broker1": NAMES}, days=30) == ["broker1", "client"]


def test_another_authority_signs_all_anew(authority: Authority) -> None:
    for name in ("ca.pem", "ca.key"):
        (authority.folder / name).unlink()
    assert authority.issue({"broker1": NAMES}, days=30) == ["broker1", "client"]


def test_what_cannot_be_read_is_told_in_a_line(authority: Authority) -> None:
    (authority.folder / "ca.key").write_text("nothing of that kind")
    with pytest.raises(LabError, match="certificates cannot be read"):
        authority.issue({"broker3": ("broker3",)}, days=30)


def test_what_is_forgotten_is_gone(authority: Authority) -> None:
    assert forget_certificates(authority.folder.parent) == [f"folder {authority.folder}"]
    assert not authority.folder.exists()
    assert forget_certificates(authority.folder.parent) == []


def test_no_key_is_shown_by_chance(authority: Authority) -> None:
    issued = authority.issued(["broker1", "broker3"])
    assert "PRIVATE KEY" in issued.hosts["broker1"] and "broker3" not in issued.hosts
    assert "PRIVATE" not in repr(issued)


def test_a_user_has_one_that_says_his_name_alone(authority: Authority, tmp_path: Path) -> None:
    """By its organisation brokers know the lab's own, and by what it is for who may be a broker."""
    file = tmp_path / "app.pem"
    authority.prove("app", file, days=30)
    made = x509.load_pem_x509_certificate(file.read_bytes())
    assert made.subject.rfc4514_string() == "CN=app"
    uses = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_bytes()
    authority.prove("app", file, days=30)
    assert file.read_bytes() == before
    with closed(authority, asks=True) as address:
        assert tls.refusal(address, tls.trusting(str(authority.file), str(file))) == ""
    (authority.folder / "ca.key").unlink()  # another authority
    authority.prove("app", file, days=30)
    assert file.read_bytes() != before


# -- who believes it


def test_who_trusts_the_lab_is_answered_and_nobody_else(authority: Authority) -> None:
    with closed(authority) as address:
        assert tls.refusal(address, tls.trusting(str(authority.file))) == ""
        assert "not believed" in tls.refusal(address, tls.strangers())
        assert tls.refusal(address) != ""
        shown = read(tls.certificate(address))
    assert shown == authority.certificate("broker1")


def test_a_name_that_the_certificate_lacks_is_not_believed(authority: Authority) -> None:
    with closed(authority, "broker2") as address:
        said = tls.refusal(address, tls.trusting(str(authority.file)))
    assert "not believed" in said and "127.0.0.1" in said


def test_an_open_listener_answers_who_asks_for_no_certificate(authority: Authority) -> None:
    with listening(broker) as address:
        assert tls.refusal(address) == ""
        assert tls.refusal(address, tls.trusting(str(authority.file))) != ""


def test_where_nobody_listens_that_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()[:2]
    assert tls.refusal(address) == "connection refused"


def test_where_a_certificate_is_asked_for_who_has_none_is_refused(authority: Authority) -> None:
    with closed(authority, asks=True) as address:
        assert tls.refusal(address, tls.trusting(str(authority.file), str(authority.client))) == ""
        assert tls.refusal(address, tls.trusting(str(authority.file))) != ""
