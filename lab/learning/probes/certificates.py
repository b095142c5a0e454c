"""Certificates: which one a broker shows, whether it has ended, and whether clients believe it."""

from __future__ import annotations

from lab.learning.facts import Facts, Shown
from lab.learning.probes.finding import Finding, ok, probe

DAY = 86400
# What clients say (OpenSSL's X509_verify_cert_error_string), in a word.
REASONS = {"expired": "expired", "mismatch": "mismatch", "local issuer": "unknown",
           "self-signed": "unknown", "self signed": "unknown"}


@probe
def outlived(facts: Facts, *, broker: int) -> Finding:
    """That a broker shows a certificate that is good no more."""
    shown = facts.certificates().get(broker)
    if shown is None:
        return Finding("none")
    return ok() if shown.left < 0 else Finding("good", {"left": left(shown)})


@probe
def misnamed(facts: Facts, *, broker: int, name: str) -> Finding:
    """That a broker shows a certificate that is good, and has only a name that nobody calls."""
    shown = facts.certificates().get(broker)
    if shown is None:
        return Finding("none")
    if shown.left < 0:
        return Finding("ended")
    if shown.names != (name,):
        return Finding("others", {"found": ", ".join(shown.names)})
    return ok()


@probe
def misnaming(facts: Facts, *, name: str, called: str) -> Finding:
    """What a client says that calls a broker by one name, where its certificate has another."""
    del facts
    return ok(answer="answers" if called.rpartition(":")[0] == name else "mismatch")


@probe
def believed(facts: Facts, *, broker: int) -> Finding:
    """That clients believe a broker's certificate, and will do so tomorrow."""
    shown = facts.certificates().get(broker)
    if shown is None:
        return Finding("none")
    if shown.refusal:
        return Finding(reason(shown), {"refusal": shown.refusal})
    return ok() if shown.left >= DAY else Finding("short", {"left": left(shown)})


def reason(shown: Shown) -> str:
    """Why a client does not believe a certificate: expired, mismatch, unknown; "answers" where it
    does."""
    if not shown.refusal:
        return "answers"
    return next((word for sign, word in REASONS.items() if sign in shown.refusal), "unknown")


def left(shown: Shown) -> str:
    return f"{shown.left} s" if shown.left < 3600 else f"{shown.left / DAY:.1f} d"
