"""Files of a lab's state folder that nobody else may read, and their end."""

from __future__ import annotations

import os
from pathlib import Path

from lab.paths import state

# Folders: passwords, settings of clients, and passwords of brokers in Kerberos' realms.
USERS, CLIENTS, REALMS = "users", "clients", "realms"


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def forget_secrets(lab: str) -> list[Path]:
    """Remove what only users of a lab that is gone have to keep to themselves; the folders."""
    found = [folder for name in (USERS, CLIENTS, REALMS) if (folder := state(lab) / name).is_dir()]
    for folder in found:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    return found
