"""Kerberos: who keeps the realm of a datacenter, and what its hosts know of it.

Each datacenter has a realm of its own, kept by its control host. Brokers only accept: they have
their keys in a file, and ask nobody. People ask, with the same password as everywhere or with
a file of their own on the control host.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.listeners import KERBEROS, KINDS, opened
from lab.options.fixed import USER
from lab.problems import Problem
from lab.resources import USER as A_USER
from lab.services.context import CA, FOLDER, Context
from lab.services.daemon import Daemon
from lab.services.secured import broker_principal, realm
from lab.services.service import Port, Service
from lab.services.users import of_datacenter
from lab.state import Directory, File, HostState, Key, Resource
from lab.templates import properties, render
from lab.topology import Datacenter, Host

if TYPE_CHECKING:
    from lab.model import Datacenter as DatacenterConfig, Lab

NAME = "kdc"
PORT = 8888  # no port that only root may open, such as Kerberos' own 88
OWNER = "lab-kdc"
ETC, DATA = f"/etc/{NAME}", f"/data/{NAME}"
MEMORY_MB = 10
KNOWN = "/etc/krb5.conf"
OF_USERS = f"{FOLDER}/users"  # for people on the control host


def wanted(lab: Lab, datacenter: DatacenterConfig, role: str) -> bool:
    return KERBEROS in opened(lab.security.listeners)


def users(context: Context, datacenter: Datacenter) -> tuple[str, ...]:
    """Who of the lab file has a name in a datacenter's realm."""
    found = of_datacenter(context.topology.config, datacenter.name)
    return tuple(key.name for key, one in found if key.kind == A_USER and not one.absent)


def principals(context: Context, datacenter: Datacenter) -> tuple[str, ...]:
    """All names in a datacenter's realm, without its own."""
    brokers = datacenter.by_role("kafka")
    return (*map(broker_principal, brokers), *users(context, datacenter))


def known(context: Context, datacenter: Datacenter) -> File:
    """What every library and program of Kerberos' reads on a host."""
    return File(render(
        "krb5.conf.j2", realm=realm(datacenter),
        realms={realm(one): f"{one.seed.fqdn}:{PORT}" for one in context.topology.datacenters},
        hosts={host.fqdn: realm(one)
               for one in context.topology.datacenters for host in one.by_role("kafka")},
    ))


def process(host: Host, context: Context) -> Daemon:
    datacenter = context.datacenter(host)
    passwords = context.issued.principals.get(datacenter.name, {})
    listed = "".join(f"{name} {passwords.get(name, '')}\n"
                     for name in sorted(principals(context, datacenter)))
    return Daemon(
        name=NAME,
        description="Kerberos: a key distribution center",
        documentation="https://web.mit.edu/kerberos/krb5-1.20/doc/",
        command=("/usr/bin/env", f"KRB5_KDC_PROFILE={ETC}/kdc.conf", "/usr/sbin/krb5kdc", "-n"),
        data=DATA,
        user=OWNER,
        prepare=(f"/bin/sh {ETC}/fill",),
        files={
            f"{ETC}/kdc.conf": File(render(
                "kdc.conf.j2", realm=realm(datacenter), data=DATA, port=PORT)),
            f"{ETC}/fill": File(render("fill-realm.sh.j2", etc=ETC, data=DATA)),
            f"{ETC}/principals": File(listed, mode=0o600, owner=OWNER, secret=True),
        },
    )


def desired(host: Host, context: Context) -> HostState:
    """What people on the control host have: for each user a file with the keys, which only who logs
    in there reads, and the settings of a client for Kafka's own tools and for kcat."""
    datacenter = context.datacenter(host)
    state: dict[Key, Resource] = {
        Key("directory", FOLDER): Directory(), Key("directory", OF_USERS): Directory(),
        Key("directory", ETC): Directory(),
    }
    for name in users(context, datacenter):
        keys, who = f"{OF_USERS}/{name}.keytab", f"{name}@{realm(datacenter)}"
        state |= {
            Key("file", keys): File(
                context.issued.keytabs.get(who, b""), mode=0o600, owner=USER, secret=True),
            Key("file", f"{OF_USERS}/{name}.properties"): File(properties({
                **_client("sasl.mechanism"), "ssl.truststore.type": "PEM",
                "ssl.truststore.location": CA,
                "sasl.jaas.config": "com.sun.security.auth.module.Krb5LoginModule required "
                f'useKeyTab=true storeKey=true keyTab="{keys}" principal="{who}";',
            })),
            Key("file", f"{OF_USERS}/{name}.conf"): File(properties({
                **_client("sasl.mechanisms"), "ssl.ca.location": CA,
                "bootstrap.servers": servers(datacenter), "sasl.kerberos.principal": who,
                "sasl.kerberos.keytab": keys,
            })),
        }
    return state


def servers(datacenter: Datacenter) -> str:
    """Where brokers take a ticket."""
    port = KINDS[KERBEROS].inside
    return ",".join(f"{host.fqdn}:{port}" for host in datacenter.by_role("kafka"))


def _client(mechanism: str) -> dict[str, str]:
    kind = KINDS[KERBEROS]
    return {"security.protocol": kind.speaks, mechanism: kind.mechanism,
            "sasl.kerberos.service.name": "kafka"}


def check(lab: Lab) -> Iterator[Problem]:
    if KERBEROS not in opened(lab.security.listeners):
        return
    for index, one in enumerate(lab.datacenters, 1):
        if not one.count("control"):
            yield Problem(f"datacenters[{index}].control", "0",
                          "the control host keeps Kerberos' realm; accepted with kerberos: 1")
    for index, user in enumerate(lab.users, 1):
        if "@" in user.name:
            yield Problem(f"users[{index}].name", repr(user.name),
                          "what follows the @ would be a realm; accepted with kerberos: without it")


def of_hosts(host: Host, context: Context) -> HostState:
    """What hosts with brokers or people on them know of all realms."""
    return {Key("file", KNOWN): known(context, context.datacenter(host))}


SERVICE = Service(
    name=NAME,
    summary="Set up Kerberos' realm.",
    task="none",
    roles=("control",),
    wanted=wanted,
    desired=desired,
    process=process,
    ports=(Port(PORT),),
    needs=("kerberos",),
    asked=lambda lab: ("krb5-kdc", "krb5-admin", "krb5-user", "sasl-gssapi"),
    memory_mb=lambda lab: MEMORY_MB,
    check=check,
)
REALMS = Service(
    name="kerberos",
    summary="Let hosts know Kerberos' realms.",
    task="none",
    roles=("control", "kafka"),
    wanted=wanted,
    desired=of_hosts,
)
