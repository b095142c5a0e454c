"""Why a command of an engine failed, in one line: what it says itself, without what surrounds it.

Podman and Docker end with advice, sums and exit statuses, and begin with warnings; which of them,
and where, differs between versions. The outputs in the tests were recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scripts.errors import FOREIGN, REASON, gist, legible, one_line

# What says nothing about why: advice, sums of what failed, progress, warnings.
_NOISE = re.compile(
    r"""
    (?:Run|See|Try)\s+'.+\s--help'.*            # docker, podman; 20.10: See 'docker run --help'.
    | For\ more\ help\ on\ .*
    | Error:\ failed\ to\ \w+\ containers:\ .*  # docker start, stop, kill of several
    | exit\ status\ \d+                         # docker network rm
    | Unable\ to\ find\ image\ '.*'\ locally
    | (?:WARNING|DEPRECATED):\ .*
    | Install\ the\ buildx\ component\ .*
    | https://docs\.docker\.com/\S*
    | Emulate\ Docker\ CLI\ using\ podman\..*
    | time="[^"]*"\ level=(?:debug|info|warning)\ .*
    """, re.VERBOSE,
)
# Where an engine begins to say what is wrong. `docker:` stands before what `docker run` says.
_BEGINS = re.compile(
    r"(?:docker:\s+)?(?:Error response from daemon:|Error:|ERROR:)\s*|docker:\s+(?=\S)"
)
_LOGGED = re.compile(r'time="[^"]*" level=(?:error|fatal) msg="((?:[^"\\]|\\.)*)".*')
_ID = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")


def reason(said: str) -> str:
    """What an engine, or a program that it ran, says of a failure in `said`: one line, "" for none.

    Several different reasons, of several containers say, are told one after the other, as far as
    they fit; the run's log has all. Ids have the twelve digits by which the engine lists them.
    """
    lines = [line.strip() for line in legible(said).splitlines() if line.strip()]
    telling = [line for line in lines if not _NOISE.fullmatch(line)] or lines[-1:]
    text = "\n".join(telling)
    # A script of ours, which says where it stopped in its own way.
    ours = bool(telling) and telling[-1].startswith("failed: ")
    if ours or any(line.startswith(REASON) for line in telling):
        return _short(gist(text))
    found = list(dict.fromkeys(_errors(telling)))
    if len(found) > 1:
        # Of the same failure Podman's log has another account.
        found = [one for one in found if not _LOGGED.fullmatch(one)] or found
    if not found:
        return _short(gist(text))
    first, *more = (_short(_unlogged(one)) for one in found)
    joined = "; ".join((first, *more))
    if more and len(joined) > FOREIGN:
        rest = f" (and {len(more)} more)"
        return one_line(first, FOREIGN - len(rest)) + rest
    return one_line(joined)


def _errors(lines: list[str]) -> Iterator[str]:
    """Each error that an engine tells, with the lines that belong to it."""
    told: list[str] | None = None
    for line in lines:
        begins = _BEGINS.match(line)
        if begins or _LOGGED.fullmatch(line):
            if told:
                yield " ".join(told)
            told = [line[begins.end():] if begins else line]
        elif told is not None:
            told.append(line)
    if told:
        yield " ".join(told)


def _unlogged(line: str) -> str:
    logged = _LOGGED.fullmatch(line)
    return logged[1].replace('\\"', '"') if logged else line


def _short(line: str) -> str:
    return _ID.sub(r"\1", line)
