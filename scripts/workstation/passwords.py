"""The passwords of a lab's users, each in a file of its own that nobody else may read.

One is made by chance when it is needed for the first time, and stays: whoever wants another one for
a user deletes the file, or writes one into it. Nothing here is printed, logged or an argument.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from scripts.errors import LabError
from scripts.workstation.paths import state_dir
from scripts.workstation.secret import USERS, write_secret

BYTES = 32
ROUNDS = 100_000  # so that what people think out themselves is not guessed from its digest
# What no file of settings, in Java or elsewhere, has to write in another way.
FIT = re.compile(r"[A-Za-z0-9_.~!@%^*+=:,/-]{8,200}")


class Passwords:
    """Those of one lab. folder: of its state folder, for others than users."""

    def __init__(self, lab: str, *, folder: str = USERS) -> None:
        self.folder = state_dir(lab) / folder

    def file(self, user: str) -> Path:
        return self.folder / user

    def read(self, user: str) -> str | None:
        """A user's password; None where there is none yet. Raises LabError."""
        path = self.file(user)
        try:
            if path.stat().st_mode & 0o077:
                raise LabError("others than you may read this password", where=str(path),
                               hint=f"chmod 600 {path}")
            text = path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise LabError("this password cannot be read", where=str(path),
                           hint="delete the file, and `fab up` makes another one") from error
        if not FIT.fullmatch(text):
            raise LabError("this is no password that the lab can use", where=str(path),
                           hint="8 to 200 of A-Z, a-z, 0-9 and _.~!@%^*+=:,/-; or delete the file")
        return text

    def of(self, user: str) -> str:
        """A user's password, made if there is none yet. Raises LabError."""
        import secrets  # noqa: PLC0415 - 9 ms

        found = self.read(user)
        if found is not None:
            return found
        self.folder.mkdir(mode=0o700, exist_ok=True)
        made = secrets.token_urlsafe(BYTES)
        write_secret(self.file(user), f"{made}\n")
        return made


@cache
def digest(user: str, password: str) -> str:
    """What may be told of a password: enough to know it again."""
    return hashlib.pbkdf2_hmac("sha512", password.encode(), user.encode(), ROUNDS, 32).hex()
