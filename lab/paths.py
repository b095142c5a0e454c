"""Where a lab keeps what it has to remember on the workstation (XDG base directories)."""

from __future__ import annotations

import os
from pathlib import Path

LOGIN_KEY = "id_ed25519"  # the private key; the public one lies beside it, with .pub
KNOWN_HOSTS = "known_hosts"  # of the OpenSSH client that `fab ssh` starts
HOST_KEYS = "hostkeys.json"  # of local hosts, by container
CERTIFICATES = "security"  # the folder of the lab's certificates, with their private keys
AUTHORITY = "ca.pem"  # in it, the certificate that all others are signed with
LEADER = "registry-leader"  # the datacenter whose schema registry was promoted
ENGINE = "engine"  # the name of the container engine that local hosts were made with


def base(variable: str, default: str) -> Path:
    """kafkalab's folder in the directory that an XDG variable names, else in ~/`default`."""
    root = os.environ.get(variable)
    return (Path(root) if root else Path.home() / default) / "kafkalab"


def state(lab: str) -> Path:
    """The folder of one lab's keys, lock, run logs and drills; it need not be there yet."""
    return base("XDG_STATE_HOME", ".local/state") / lab


def login_key(lab: str) -> Path:
    """The private key that opens a lab's hosts, where the lab file names no other."""
    return state(lab) / LOGIN_KEY
