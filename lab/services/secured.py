"""What brokers and clients have of a closed lab: certificates, and the files that clients read."""

from __future__ import annotations

from lab.listeners import KERBEROS, KINDS, SCRAM, Listening
from lab.options.fixed import USER as LOGIN
from lab.services.context import CA, FOLDER, OWN, Context
from lab.services.java import USER
from lab.services.tools import CLIENT, KCAT, ROLES, tools
from lab.state import Directory, File, HostState, Key
from lab.templates import properties
from lab.topology import Datacenter, Host

TICKETS = "/etc/kafka/broker.keytab"  # a broker's keys for tickets
KEY = "/etc/kafka/broker.pem"  # a broker's private key, and its certificate
# Brokers and the lab's own clients are one user, whatever their certificates are called; all others
# have the name that theirs says.
LABS = "kafkalab"
NAMED = f"RULE:^.*O={LABS}.*$/{LABS}/,RULE:^CN=([^,]+).*$/$1/,DEFAULT"

# Java's AES is fast where the JVM's second compiler writes it: 2.8 GB/s of a core. The first one
# alone, with which a small JVM starts sooner, gets 49 MB/s of it, and 232 MB/s of ChaCha20 (the CPU
# time of one thread on an EPYC, 16 KB at a time, Java 17). Brokers choose the first of these that a
# client has, too.
FIRST_COMPILER = "-XX:TieredStopAtLevel=1"
CIPHERS = (
    "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
)


def protocols(listening: Listening, *, more: tuple[str, ...] = ()) -> str:
    """Which listener speaks what (listener.security.protocol.map)."""
    kinds = [KINDS[one] for one in listening.ordered]
    return ",".join((
        *(f"{name}:{one.speaks}" for one in kinds for name in one.names), *more,
    ))


def realm(datacenter: Datacenter) -> str:
    """What Kerberos calls a datacenter: a realm of its own."""
    host = datacenter.hosts[0]
    return f"{datacenter.name}.{host.fqdn.removeprefix(f'{host.name}.')}".upper()


def broker_principal(host: Host) -> str:
    """What a broker is called in its realm."""
    return f"kafka/{host.fqdn}"


def modules(host: Host, datacenter: Datacenter) -> dict[str, str]:
    """How a broker has people log in, by SASL's name for it. It takes tickets, and gets none."""
    return {
        SCRAM: "org.apache.kafka.common.security.scram.ScramLoginModule required;",
        KINDS[KERBEROS].mechanism: (
            "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true "
            f'isInitiator=false keyTab="{TICKETS}" '
            f'principal="{broker_principal(host)}@{realm(datacenter)}";'
        ),
    }


def certified(host: Host, context: Context) -> dict[str, object]:
    """A broker's settings for listeners that take a certificate."""
    datacenter = context.datacenter(host)
    listening = context.listens(datacenter)
    if listening.plain:
        return {}
    kinds = [KINDS[one] for one in listening.ordered]
    asking = [one for one in kinds if one.asks]
    module = modules(host, datacenter)
    logins = {
        f"listener.name.{name.lower()}.{key}": value
        for one in kinds if one.mechanism for name in one.names
        for key, value in (
            ("sasl.enabled.mechanisms", one.mechanism),
            (f"{one.mechanism.lower()}.sasl.jaas.config", module[one.mechanism]),
            *([("sasl.kerberos.service.name", "kafka")] if one == KINDS[KERBEROS] else []),
        )
    }
    return {
        "ssl.keystore.type": "PEM", "ssl.keystore.location": KEY,
        "ssl.truststore.type": "PEM", "ssl.truststore.location": CA,
        **({"ssl.cipher.suites": ",".join(CIPHERS)}
           if FIRST_COMPILER in context.topology.config.kafka.jvm_options else {}),
        **({"ssl.principal.mapping.rules": NAMED} if asking else {}),
        **{f"listener.name.{name.lower()}.ssl.client.auth": "required"
           for one in asking for name in one.names},
        **logins,
    }


def key_file(host: Host, context: Context) -> dict[str, File]:
    """What only the broker of a host may read, by path."""
    datacenter = context.datacenter(host)
    listening = context.listens(datacenter)
    if listening.plain:
        return {}
    issued = context.issued.hosts.get(host.name, "")
    found = {KEY: File(issued, mode=0o600, owner=USER, secret=True)}
    if KERBEROS in listening.open:
        keys = context.issued.keytabs.get(f"{broker_principal(host)}@{realm(datacenter)}", b"")
        found[TICKETS] = File(keys, mode=0o600, owner=USER, secret=True)
    return found


def own_key(context: Context, folder: str, owner: str) -> dict[str, File]:
    """What a client of the lab's shows to brokers that ask for it, by path; nothing elsewhere."""
    kinds = [KINDS[context.listens(one).clients] for one in context.topology.datacenters]
    if not any(one.asks for one in kinds):
        return {}
    return {f"{folder}/{OWN}": File(context.issued.client, mode=0o600, owner=owner, secret=True)}


def open_to_all(context: Context) -> bool:
    """Whether no listener of the lab asks anything of its clients."""
    return all(context.listens(one).plain for one in context.topology.datacenters)


def client_files(host: Host, context: Context) -> HostState:
    """What clients on a host read; nothing in a lab whose listeners are open to all."""
    if open_to_all(context):
        return {}
    datacenter = context.datacenter(host)
    endpoint = context.internal(datacenter)
    having = endpoint.settings and host.role in ROLES
    return {
        Key("directory", FOLDER): Directory(),
        # No secret, but long; and what it says is in no plan of use to anybody.
        Key("file", CA): File(context.issued.ca, secret=True),
        Key("file", CLIENT): File(properties(endpoint.java)),
        Key("file", KCAT): File(properties(endpoint.librdkafka)),
        **{Key("file", path): file for path, file in own_key(context, FOLDER, LOGIN).items()},
        **(tools(datacenter.config.version) if having else {}),
    }
