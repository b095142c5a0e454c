"""People with tickets, on the hosts, by kcat and by Kafka's own tools."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import MakeLab
from tests.e2e.test_listeners import BROKERS, QUORUM, TOPIC, plain, read, writing
from tests.e2e.test_scram import APP, client, hidden, made, say

pytestmark = [pytest.mark.host, pytest.mark.area("security")]

TOOLS = "/usr/local/kafka/bin"


@pytest.mark.full("security", sample=0)
@pytest.mark.parametrize("shape", [BROKERS, QUORUM], ids=["zookeeper", "kraft"])
def test_who_has_a_ticket_may_what_the_file_says(
    make_lab: MakeLab, shape: dict[str, int | str]
) -> None:
    lab = made(make_lab, {**shape, "control": 1}, "plaintext")
    with writing(plain(lab)) as load:
        say(lab, ["plaintext", "kerberos"])
        assert "1. brokers open mtls, scram, kerberos beside plaintext" in lab.fab(
            "plan", expect=2).out
        lab.fab("up")
        load.turn(client(lab))
        say(lab, "kerberos")
        lab.fab("up")
        assert lab.fab("plan").out == "plan: nothing to do\n"
    (control,) = lab.of("control")
    servers = ",".join(f"{host.fqdn}:9392" for host in lab.of("kafka"))

    told = lab.fab("security.check").out
    assert told.count("app's keys") == len(lab.of("kafka"))
    assert "another's keys" in told and "no ticket" in told
    assert "0 of them not as it should be" in told

    def kcat(words: str, given: str = "") -> str:
        return lab.inside(control, f"echo '{given}' | sudo -u student timeout 30 kcat "
                                   f"-F /etc/kafkalab/users/app.conf {words} 2>&1", check=False)

    assert "ERROR" not in kcat(f"-P -t {TOPIC} -X message.timeout.ms=8000", "by a ticket")
    assert "Topic authorization failed" in kcat("-P -t other -X message.timeout.ms=8000", "x")
    java = lab.inside(control, f"sudo -u student {TOOLS}/kafka-topics.sh --list "
                               f"--bootstrap-server {servers} "
                               "--command-config /etc/kafkalab/users/app.properties")
    assert java.split() == [TOPIC], "what it may not describe it does not see"
    assert "by a ticket" in read(client(lab), load.sent + 1)
    hidden(lab, having=("/etc/kdc/principals", "/data/kdc/made"))
    lab.fab("verify")
    assert APP["name"] in lab.inside(control, "KRB5_KDC_PROFILE=/etc/kdc/kdc.conf kadmin.local "
                                              "-q listprincs")
