"""What a client of one's own needs to reach a cluster as a user, in the words of its library."""

from __future__ import annotations

import json
from collections.abc import Mapping

from lab.endpoint import Endpoint
from lab.templates import properties
from lab.versions import takes_old_scram

MECHANISM = "SCRAM-SHA-512"
LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule"
# What each kind of client reads: the end of its file's name, and how it is given to one.
KINDS = {
    "python": (".json", "confluent_kafka.Producer(json.load(open({path!r})))"),
    "java": (".properties", "kafka-console-producer.sh --producer.config {path} …"),
    "kcat": (".conf", "kcat -F {path} -L"),
}


def proven(endpoint: Endpoint) -> bool:
    """Whether brokers ask there who somebody is."""
    return endpoint.settings.get("security.protocol", "").startswith("SASL_")


def too_old(kind: str, endpoint: Endpoint, version: str) -> str:
    """What to look at where such a client may be too old for brokers of a release; "" elsewhere."""
    if kind != "kcat" or not proven(endpoint) or takes_old_scram(version):
        return ""
    return (f"Kafka {version} takes a password from librdkafka 2.6.1 or newer; `kcat -V` says "
            "which one that is (2.0.2 on Debian 12)")


def settings(kind: str, endpoint: Endpoint, user: str, password: str) -> dict[str, str]:
    """A client's settings. Where brokers ask for no name the password is not among them; the name
    is what the client calls itself."""
    mine: Mapping[str, str] = {}
    if proven(endpoint) and kind == "java":
        mine = {"sasl.mechanism": MECHANISM, "sasl.jaas.config":
                f'{LOGIN} required username="{user}" password="{password}";'}
    elif proven(endpoint):
        mine = {"sasl.mechanism": MECHANISM, "sasl.username": user, "sasl.password": password}
    whole = endpoint.client() if kind == "java" else {
        "bootstrap.servers": endpoint.servers, **endpoint.librdkafka}
    labs = {name: value for name, value in whole.items() if not name.startswith("sasl.")}
    return {**labs, "client.id": user, **mine}


def text(kind: str, endpoint: Endpoint, user: str, password: str) -> str:
    """The file that a client of this kind reads."""
    found = settings(kind, endpoint, user, password)
    if kind == "python":
        return json.dumps(found, indent=2, sort_keys=True) + "\n"
    if kind == "java":
        return properties(found)
    return "".join(f"{name}={value}\n" for name, value in sorted(found.items()))
