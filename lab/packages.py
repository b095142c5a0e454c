"""What the lab needs of a distribution, and what each family of distributions calls it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lab.options.aws import Image


Family = Literal["debian", "amazon"]


@dataclass(frozen=True)
class Software:
    """One thing that a host needs: its package by family, and the file that shows it to be there.

    `unit` is the service that comes with it, where the lab looks after that. A family that does not
    package it is missing in `names`; who uses it then does without. `elsewhere`: the families that
    have the file at another path. `capability`: what a container has to be allowed for it, beyond
    what a host is allowed anyway (capabilities(7)).
    """

    path: str
    names: Mapping[Family, str]
    unit: Mapping[Family, str] | None = None
    elsewhere: Mapping[Family, str] = field(default_factory=dict)
    capability: str = ""

    def path_on(self, family: Family) -> str:
        """The file that shows it to be there, on a host of this family."""
        return self.elsewhere.get(family, self.path)


# Amazon Linux 2023 has no kcat: verify takes Kafka's own tools there.
SOFTWARE: dict[str, Software] = {
    "java": Software("/usr/bin/java", {
        "debian": "openjdk-17-jre-headless", "amazon": "java-17-amazon-corretto-headless",
    }),
    # On no host: what the lab's own connectors are compiled with.
    "jdk": Software("/usr/bin/javac", {"debian": "openjdk-17-jdk-headless"}),
    "chrony": Software(
        "/usr/sbin/chronyd", {"debian": "chrony", "amazon": "chrony"},
        {"debian": "chrony.service", "amazon": "chronyd.service"},
    ),
    "kcat": Software("/usr/bin/kcat", {"debian": "kcat"}),
    # For monitoring; Amazon Linux 2023 has none of them.
    "prometheus": Software("/usr/bin/prometheus", {"debian": "prometheus"},
                           {"debian": "prometheus.service"}),
    "alertmanager": Software("/usr/bin/prometheus-alertmanager",
                             {"debian": "prometheus-alertmanager"},
                             {"debian": "prometheus-alertmanager.service"}),
    "node-exporter": Software("/usr/bin/prometheus-node-exporter",
                              {"debian": "prometheus-node-exporter"},
                              {"debian": "prometheus-node-exporter.service"}),
    # Kerberos, for a lab that has it: who keeps a realm, who fills it, what people type, and what
    # kcat takes tickets with.
    "krb5-kdc": Software("/usr/sbin/krb5kdc", {"debian": "krb5-kdc", "amazon": "krb5-server"},
                         {"debian": "krb5-kdc.service", "amazon": "krb5kdc.service"}),
    "krb5-admin": Software(
        "/usr/sbin/kadmin.local", {"debian": "krb5-admin-server", "amazon": "krb5-server"},
        {"debian": "krb5-admin-server.service", "amazon": "kadmin.service"},
    ),
    "krb5-user": Software("/usr/bin/kinit", {"debian": "krb5-user", "amazon": "krb5-workstation"}),
    "sasl-gssapi": Software("/usr/lib/x86_64-linux-gnu/sasl2/libgssapiv2.so",
                            {"debian": "libsasl2-modules-gssapi-mit"}),
    # For people: each is called as one types it.
    "curl": Software("/usr/bin/curl", {"debian": "curl", "amazon": "curl-minimal"}),
    "jq": Software("/usr/bin/jq", {"debian": "jq", "amazon": "jq"}),
    "nano": Software("/usr/bin/nano", {"debian": "nano", "amazon": "nano"}),
    "netstat": Software("/usr/bin/netstat", {"debian": "net-tools", "amazon": "net-tools"}),
    "ping": Software("/usr/bin/ping", {"debian": "iputils-ping", "amazon": "iputils"}),
    "vi": Software("/usr/bin/vi", {"debian": "vim-tiny", "amazon": "vim-minimal"}),
    "xxd": Software("/usr/bin/xxd", {"debian": "xxd", "amazon": "xxd"}),
    "confluent-kafka": Software(
        "/usr/lib/python3/dist-packages/confluent_kafka/__init__.py",
        {"debian": "python3-confluent-kafka"},
    ),
    "dig": Software("/usr/bin/dig", {"debian": "bind9-dnsutils", "amazon": "bind-utils"}),
    "git": Software("/usr/bin/git", {"debian": "git", "amazon": "git"}),
    "python": Software(
        "/usr/bin/python",
        {"debian": "python-is-python3", "amazon": "python-unversioned-command"},
    ),
    "tcpdump": Software(
        "/usr/bin/tcpdump", {"debian": "tcpdump", "amazon": "tcpdump"},
        elsewhere={"amazon": "/usr/sbin/tcpdump"}, capability="NET_RAW",
    ),
    "vim": Software("/usr/bin/vim", {"debian": "vim", "amazon": "vim-enhanced"}),
    "wget": Software("/usr/bin/wget", {"debian": "wget", "amazon": "wget"}),
}
FAMILY: Mapping[Image, Family] = {"al2023": "amazon", "debian12": "debian"}


def names(software: Iterable[str], family: Family) -> list[str]:
    """What `family` calls the packages of `software`, without what it does not package."""
    found = (SOFTWARE[one].names.get(family) for one in software)
    return [name for name in found if name is not None]


def capabilities(software: Iterable[str]) -> list[str]:
    """What a container has to be allowed for `software`, each once."""
    return sorted({SOFTWARE[one].capability for one in software} - {""})


def unit(software: str, family: Family) -> str:
    """The service that comes with a package. Raises LookupError for one without."""
    units = SOFTWARE[software].unit
    if units is None:
        raise LookupError(f"{software} has no service")
    return units[family]
