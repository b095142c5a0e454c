"""Users and quotas on real clusters, with either kind of metadata: made, kept, nobody else's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import Lab, until

pytestmark = [pytest.mark.host, pytest.mark.area("security")]
PLACES = ("dc1", "dc2")
TOOLS = "/usr/local/kafka/bin"
IN_ORDER = ["plan: nothing to do"]
RATE = 200_000  # bytes a second
USERS = ({"name": "app", "quotas": {"producer_byte_rate": RATE}}, {"name": "bob"})
CLIENTS = ({"id": "loader", "quotas": {"producer_byte_rate": RATE, "request_percentage": 200}},)


@pytest.fixture(scope="module")
def lab(make_lasting: MakeLab) -> Iterator[Lab]:
    """One datacenter with ZooKeeper, one with KRaft, each with one broker."""
    made = make_lasting("users", first=236, port_base=15000, datacenters=[
        {"control": 0, "zookeeper": 1, "kafka": 1},
        {"control": 0, "metadata": "kraft", "combined": 1, "kafka": 1},
    ], tables={"users": USERS, "clients": CLIENTS})
    plan = made.fab("plan", expect=2)
    for place in PLACES:
        assert f"+ user app of {place} (password, producer_byte_rate = {RATE})\n" in plan.out
    made.fab("up")
    yield made


def say(lab: Lab, *users: dict[str, Any], clients: tuple[dict[str, Any], ...] = CLIENTS) -> None:
    lab.tables = {"users": users, "clients": clients}
    lab.write()


def planned(lab: Lab, expect: int = 2) -> list[str]:
    """What `fab plan` prints but for warnings, of which these labs have some."""
    return [line for line in lab.fab("plan", expect=expect).out.splitlines()
            if not line.startswith("warning: ")]


def password(lab: Lab, user: str) -> str:
    return (lab.state / "users" / user).read_text().strip()


def configured(lab: Lab, place: str, kind: str) -> str:
    """What Kafka's own tool says of all users or clients of a datacenter."""
    (broker,) = lab.of("kafka", place)
    return lab.inside(broker, f"{TOOLS}/kafka-configs.sh --bootstrap-server {broker.fqdn}:9092 "
                              f"--describe --entity-type {kind}")


def rounds(lab: Lab, place: str) -> dict[str, int]:
    """Who has a password there, with its rounds of hashing."""
    admin = AdminClient({"bootstrap.servers": lab.bootstrap(place)})
    found = admin.describe_user_scram_credentials().result(30)
    return {name: one.iterations for name, said in found.items()
            for one in said.scram_credential_infos}


def alter(lab: Lab, place: str, step: Any) -> None:
    admin = AdminClient({"bootstrap.servers": lab.bootstrap(place)})
    for future in admin.alter_user_scram_credentials([step]).values():
        future.result(30)


def given(user: str, text: str) -> UserScramCredentialUpsertion:
    return UserScramCredentialUpsertion(
        user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), text.encode())


def test_brokers_know_users_and_quotas_as_the_file_has_them(lab: Lab) -> None:
    assert planned(lab, 0) == IN_ORDER
    verified = lab.fab("verify")
    for place in PLACES:
        assert "2 users, 1 client id as the lab file has them" in verified.out + verified.err
        users = configured(lab, place, "users")
        assert re.search(rf"'app' are producer_byte_rate={RATE}\.0\b", users), users
        assert re.search(r"'bob' are SCRAM-SHA-512=iterations=\d+", users), users
        assert re.search(r"'loader' are .*request_percentage=200\.0", configured(
            lab, place, "clients"))
    assert rounds(lab, "dc1") == rounds(lab, "dc2")
    (row,) = [one["users"] for one in lab.fab("status", "--json").json["datacenters"]][:1]
    assert row == [{"kind": "user", "name": "app"}, {"kind": "user", "name": "bob"},
                   {"kind": "client", "name": "loader"}]


def test_the_password_in_the_file_is_the_one_that_brokers_take(lab: Lab) -> None:
    """By RFC 5802: ZooKeeper has what a broker compares a client's answer with."""
    (broker,), (server,) = lab.of("kafka"), lab.of("zookeeper")
    said = lab.inside(broker, f"{TOOLS}/zookeeper-shell.sh {server.fqdn}:2181 get "
                              "/config/users/app 2>&1")
    kept = dict(part.split("=", 1) for part in
                re.findall(r'"SCRAM-SHA-512":"([^"]*)"', said)[0].split(","))
    salted = hashlib.pbkdf2_hmac("sha512", password(lab, "app").encode(),
                                 base64.b64decode(kept["salt"]), int(kept["iterations"]))
    client = hmac.new(salted, b"Client Key", "sha512").digest()
    assert hashlib.sha512(client).digest() == base64.b64decode(kept["stored_key"])


@pytest.mark.full("integrations", sample=1)
@pytest.mark.parametrize("place", PLACES)
def test_a_quota_slows_down_who_it_is_for(lab: Lab, place: str) -> None:
    def write(client: str) -> tuple[float, float]:
        """The seconds that 3 MB take, and the longest that a broker let the client wait."""
        waited = [0.0]
        producer = Producer({
            "bootstrap.servers": lab.bootstrap(place), "client.id": client, "batch.size": 50_000,
            "throttle_cb": lambda event: waited.append(event.throttle_time), "acks": "all",
        })
        producer.list_topics("quota", timeout=30)
        began = time.monotonic()
        for _ in range(300):
            producer.produce("quota", bytes(10_000), partition=0)
            producer.poll(0)
        assert producer.flush(60) == 0
        return time.monotonic() - began, max(waited)

    quick, free = write("somebody")
    slow, held = write("loader")
    assert free == 0 < held, (quick, slow)
    # 11 samples of a second each may come at once; the rest comes at the rate.
    assert slow >= 3 > quick, (quick, slow)


def test_who_was_made_by_hand_is_left_alone(lab: Lab) -> None:
    alter(lab, "dc1", given("carol", "carols-own-password"))
    until(lambda: "carol" in rounds(lab, "dc1"), "she is there")
    for change, word in (({}, "changed"), ({"absent": True}, "removed")):
        say(lab, *USERS, {"name": "carol", "datacenters": ["dc1"], **change})
        words = f"dc1: user carol was not made by the lab, so it is not {word}"
        assert words in lab.fab("plan", expect=1).err
        assert words.removeprefix("dc1: ") in lab.fab("users", expect=1).err
    assert rounds(lab, "dc1")["carol"] == 4096
    alter(lab, "dc1", UserScramCredentialDeletion("carol", ScramMechanism.SCRAM_SHA_512))
    say(lab, *USERS)
    until(lambda: "carol" not in rounds(lab, "dc1"), "she is gone")
    assert planned(lab, 0) == IN_ORDER


def test_what_is_changed_by_hand_or_in_the_file_becomes_as_the_file_says(lab: Lab) -> None:
    before = rounds(lab, "dc2")
    alter(lab, "dc2", given("app", "somebody-elses"))
    until(lambda: rounds(lab, "dc2") != before, "it is another one")
    say(lab, {"name": "app", "quotas": {"consumer_byte_rate": 5000000}},
        {"name": "bob", "absent": True})
    assert planned(lab)[:-1] == [
        line for place in PLACES for line in (
            f"~ user app of {place}: consumer_byte_rate: (none) -> 5000000",
            *(["~ user app of dc2: password: another one"] if place == "dc2" else []),
            f"~ user app of {place}: producer_byte_rate: {RATE} -> (none)",
            f"- user bob of {place}",
        )
    ]
    lab.fab("users")
    assert planned(lab, 0) == IN_ORDER
    for place in PLACES:
        assert rounds(lab, place) == {"app": before["app"]}
        users = configured(lab, place, "users")
        assert "consumer_byte_rate=5000000.0" in users and "producer_byte_rate" not in users, users


# A listener that asks for a name, beside those of the lab: what follows is of the test alone.
ASKS = r"""
set -eu
file=/etc/kafka/server.properties
sed -i -e '/^listeners=/s/$/,ASKS:\/\/@HOST@:9300/' \
  -e '/^advertised.listeners=/s/$/,ASKS:\/\/@HOST@:9300/' \
  -e '/^listener.security.protocol.map=/s/$/,ASKS:SASL_PLAINTEXT/' $file
cat >> $file <<'END'
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.asks.scram-sha-512.sasl.jaas.config=\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
END
systemctl restart kafka
"""


def ask(lab: Lab, place: str) -> None:
    """Have the broker ask for names on a port of its own, until the next `fab up`."""
    (broker,) = lab.of("kafka", place)
    lab.inside(broker, ASKS.replace("@HOST@", broker.fqdn))
    until(lambda: lab.inside(broker, "timeout 2 bash -c '</dev/tcp/$(hostname -f)/9300' && echo y",
                             check=False), "it listens")


def kcat(lab: Lab, place: str, words: str, secret: str, given: str = "") -> str:
    """What kcat prints on the broker's host, as the user app."""
    (broker,) = lab.of("kafka", place)
    return lab.inside(broker, f"""
cat > /tmp/kcat.conf <<'END'
bootstrap.servers={broker.fqdn}:9300
security.protocol=SASL_PLAINTEXT
sasl.mechanism=SCRAM-SHA-512
sasl.username=app
sasl.password={secret}
END
echo '{given}' | timeout 20 kcat -F /tmp/kcat.conf {words} 2>&1
rm /tmp/kcat.conf
""", check=False)


@pytest.mark.full("integrations", sample=1)
@pytest.mark.parametrize("place", PLACES)
def test_a_user_may_what_the_file_says_and_nothing_else(lab: Lab, place: str) -> None:
    acls = ["write topic orders-*", "read topic orders-*", "read group app"]
    lab.sections = {"security": {"acls": True}}
    lab.topics = [{"name": "orders-1"}, {"name": "other"}]
    say(lab, {"name": "app", "acls": acls})
    plan = lab.fab("plan", expect=2)
    assert "security.acls" in plan.out and "is User:ANONYMOUS" in plan.out, plan
    lab.fab("up")
    assert planned(lab, 0) == IN_ORDER
    ask(lab, place)
    secret = password(lab, "app")

    def writes(topic: str, secret: str = secret) -> str:
        return kcat(lab, place, f"-P -t {topic} -X message.timeout.ms=8000", secret, "hello")

    done = until(lambda: (said := writes("orders-1")) and "failed" not in said and said,
                 "what is granted is done", 30)
    assert "ERROR" not in done
    assert "Topic authorization failed" in writes("other")
    assert "SASL authentication error" in writes("orders-1", "wrong-password")
    read = "-c 1 -X auto.offset.reset=earliest orders-1"
    assert "hello" in kcat(lab, place, f"-G app {read}", secret)
    assert "Group authorization failed" in kcat(lab, place, f"-G wrong {read}", secret)

    say(lab, {"name": "app", "acls": acls[1:]})
    assert lab.fab("plan", expect=2).out.count("write topic orders-*: granted -> (none)\n") == 2
    lab.fab("users")
    until(lambda: "Topic authorization failed" in writes("orders-1"), "it is taken away", 30)
    lab.fab("up")  # closes the test's own listener
    assert planned(lab, 0) == IN_ORDER


def settings(lab: Lab, user: str, place: str) -> dict[str, Any]:
    """What `fab client` writes for a client in Python."""
    said = lab.fab("client", user, "--datacenter", place).out
    path = Path(said.splitlines()[0])
    assert path.stat().st_mode & 0o777 == 0o600 and "note: " not in said
    return {**json.loads(path.read_text()), "log_level": 0}


def written(client: dict[str, Any], topic: str) -> str:
    """What comes of a record; "" where a broker has it."""
    came: list[str] = []
    producer = Producer({**client, "message.timeout.ms": 20_000})
    producer.produce(topic, "hello", on_delivery=lambda error, _: came.append(
        error.name() if error else ""))
    assert producer.flush(25) == 0
    return came[0]


def given_back(client: dict[str, Any], group: str, topic: str) -> str:
    """The first record that a member of a group is given, or why it is given none."""
    consumer = Consumer({**client, "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    message = consumer.poll(30)
    consumer.close()
    if message is None:
        return "nothing"
    return message.error().name() if message.error() else message.value().decode()


def test_whom_a_certificate_names_may_what_the_file_says(lab: Lab) -> None:
    lab.sections = {"security": {"listeners": "mtls", "acls": True}}
    lab.topics = [{"name": "orders-1"}, {"name": "other"}]
    say(lab, {"name": "app", "acls": ["write topic orders-*", "read topic orders-*",
                                      "read group app"]}, {"name": "bob"}, clients=())
    assert "warning: " not in lab.fab("plan", expect=2).out
    lab.fab("up")
    assert planned(lab, 0) == IN_ORDER
    for place in PLACES:
        app, bob = settings(lab, "app", place), settings(lab, "bob", place)
        assert written(app, "orders-1") == ""
        assert given_back(app, "app", "orders-1") == "hello"
        assert written(app, "other") == "TOPIC_AUTHORIZATION_FAILED"
        assert written(bob, "orders-1") == "TOPIC_AUTHORIZATION_FAILED"
        assert given_back(app, "wrong", "orders-1") == "GROUP_AUTHORIZATION_FAILED"
    assert re.search(r"2 users, .*as the lab file has them", lab.fab("verify").out)


def test_no_password_is_anywhere_but_in_its_file(lab: Lab) -> None:
    lab.fab("client", "app", "--for", "java")
    secret = password(lab, "app")
    having = [path for path in lab.folder.rglob("*")
              if path.is_file() and secret.encode() in path.read_bytes()]
    assert having == [lab.state / "users" / "app"]
    assert having[0].stat().st_mode & 0o777 == 0o600
    for host in lab.topology.hosts:
        script = "grep -rlF -f /dev/stdin /etc /var/log /data /root /home /tmp 2>/dev/null || true"
        found = lab.inside(host, f"{script} <<'END'\n{secret}\nEND\n")
        assert found == "", (host.name, found)
