"""What logging in to hosts needs, wherever they come from."""

from __future__ import annotations

from pathlib import Path

from scripts.workstation import process


def login_pair(private: Path, comment: str) -> str:
    """The public key of a pair as one line; the pair is made where it is not whole."""
    public = private.with_name(private.name + ".pub")
    if not (private.exists() and public.exists()):
        private.unlink(missing_ok=True)
        process.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(private)],
            hint="install OpenSSH's client",
        )
    return public.read_text().strip()
