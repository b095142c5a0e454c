"""The passwords of all names in Kerberos' realms, and the files of keys that follow from them.

A user's is the one of `fab client`; a broker's lies in the lab's state folder beside it, in a file
that nobody else may read.
"""

from __future__ import annotations

from dataclasses import replace

from lab.services.context import Context
from lab.services.kdc import principals, users
from lab.services.secured import realm
from scripts.workstation.keytabs import keytab
from scripts.workstation.passwords import Passwords
from scripts.workstation.secret import REALMS


def with_realms(context: Context, *, make: bool) -> Context:
    """A lab with these; with `make` those that are missing are made by chance. Raises LabError."""
    lab = context.topology.lab
    of_users, of_brokers = Passwords(lab), Passwords(lab, folder=REALMS)
    found: dict[str, dict[str, str]] = {}
    keys: dict[str, bytes] = {}
    for datacenter in context.topology.datacenters:
        people = users(context, datacenter)
        here = found.setdefault(datacenter.name, {})
        for name in principals(context, datacenter):
            kept, file = ((of_users, name) if name in people
                          else (of_brokers, name.replace("/", "-")))
            password = kept.of(file) if make else kept.read(file)
            if password:
                here[name] = password
                whole = f"{name}@{realm(datacenter)}"
                keys[whole] = keytab(whole, password)
    return replace(context, issued=replace(context.issued, principals=found, keytabs=keys))
