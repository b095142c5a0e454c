"""The one exception tree of the tasks: every failure is a line a person can act on."""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Iterable, Sequence
from enum import Enum

# Characters of what others say: programs, servers, clients.
FOREIGN = 200
KNOWN = 10  # names that are told to who names none of them
# Where a page begins that a server sent, or something before it, such as a proxy.
PAGE = re.compile(r"<(?:!doctype\s+html|html|head|body|title|h1|\?xml)\b", re.IGNORECASE)
# What says most of it (S3's errors have a message), and what says nothing.
TITLE = re.compile(r"<(title|h1|message)\b[^>]*>\s*([^<\s][^<]*)", re.IGNORECASE)
MARKUP = re.compile(r"(?is)<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>?")
LONGEST_PAGE = 20_000  # characters that are looked at
ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # ECMA-48, "Control sequences": colours
# A script on a host writes this in front of the line that says why it failed.
REASON = "reason: "


class LabError(Exception):
    """Something failed that a person can act on.

    `str()` is the one line that is shown: where, what, and the next step.
    `exit_code` is what `fab` exits with.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.what, self.where, self.hint = what, where, hint
        line = f"{where}: {what}" if where else what
        super().__init__(f"{line} ({hint})" if hint else line)


class UsageError(LabError):
    """The command or the lab file asks for something that does not exist."""

    exit_code = 2


class CommandError(LabError):
    """A command failed: on the workstation (`where` is "") or on a host.

    Carries the whole result: `argv` or script name, exit `status`, `stdout` and `stderr`. `said` is
    why, in one line: by default the line of its output that says most.
    """

    def __init__(
        self,
        command: str | Sequence[str],
        status: int | str,
        stdout: str = "",
        stderr: str = "",
        *,
        where: str = "",
        hint: str = "",
        said: str = "",
    ) -> None:
        self.command = command if isinstance(command, str) else " ".join(command)
        self.status, self.stdout, self.stderr = status, stdout, stderr
        self.said = said or gist(stderr) or gist(stdout)
        what = f"`{self.command}` ended with {status}" + (f": {self.said}" if self.said else "")
        super().__init__(what, where=where, hint=hint)


class TimeoutExpired(LabError):
    """A condition did not come true before its deadline."""


class HostKeyError(LabError):
    """A host shows another key than the one read from its platform, or none is known."""


class Closed(Enum):
    """Why a host that runs cannot be logged in to, as far as SSH tells."""

    UNKNOWN = "its host key is not known"
    REFUSED = "it does not take the login key"
    SILENT = "no SSH server answers"


class ReachError(LabError):
    """No SSH session with a host that runs came about."""

    def __init__(self, closed: Closed, what: str, *, where: str = "", hint: str = "") -> None:
        self.closed = closed
        super().__init__(what, where=where, hint=hint)


class LockedError(LabError):
    """Another run holds the lab's lock."""


# What clients raise about the world around them, by the package that the class comes from.
CLIENTS = {
    "cimpl": "Kafka", "confluent_kafka": "Kafka", "paramiko": "SSH", "botocore": "AWS",
    "http": "HTTP", "socket": "network",
}
NETWORK = (ConnectionError, TimeoutError)
FULL = (errno.ENOSPC, errno.EDQUOT)
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)


def foreign(error: BaseException) -> LabError | None:
    """What a client has raised because of its surroundings, as an error of the lab.

    None for an error of the lab itself, and for a bug. The clients are not imported for it.
    """
    if isinstance(error, LabError):
        return None
    if isinstance(error, OSError) and error.errno in (*FULL, *CLOSED):
        return _refused(error)
    protocol = next((CLIENTS[root] for kind in type(error).__mro__
                     if (root := kind.__module__.partition(".")[0]) in CLIENTS), "")
    if not protocol and not isinstance(error, NETWORK):
        return None
    made = LabError(f"{protocol or 'network'}: {one_line(error)}", hint="see `fab status`")
    made.__cause__ = error
    return made


def told(error: BaseException) -> LabError | None:
    """Any failure that a person can act on as an error of the lab; None for a bug."""
    return error if isinstance(error, LabError) else foreign(error)


def _refused(error: OSError) -> LabError:
    """What this machine itself refuses: a file that may not be written, a disk that is full."""
    hint = "make room, then run it again" if error.errno in FULL else (
        "another user's, of a run with sudo say; XDG_STATE_HOME and XDG_CACHE_HOME name others"
    )
    where = str(error.filename) if error.filename else "this machine"
    made = LabError(f"{where}: {error.strerror or type(error).__name__}", hint=hint)
    made.__cause__ = error
    return made


def one_line(said: object, most: int = FOREIGN) -> str:
    """What somebody else says (a program, a server, a client) as one line of at most `most`
    characters; "" for a text without any words, its class for an exception without any.

    Of a page only the title, or else its text. Of what is too long the middle is left out: what
    failed stands at the beginning, and why often at the end.
    """
    # A KafkaException carries a KafkaError, whose own text is in C's notation.
    told = said.args[0] if isinstance(said, BaseException) and said.args else said
    text = told.str() if hasattr(told, "str") else str(said)
    line = " ".join(legible(text).split())
    if not line and isinstance(said, BaseException):
        return type(said).__name__
    if len(line) <= most:
        return line
    head = most // 2
    return f"{line[:head - 2].rstrip()} … {line[head + 1 - most:].lstrip()}"


def legible(text: str) -> str:
    """The text, its lines kept, without colours and signs that cannot be seen; a page as a line."""
    text = ESCAPE.sub("", text)
    if page := PAGE.search(text):
        before = text[:page.start()].removesuffix("b'")  # bytes as Python shows them
        text = f"{before}\n{_title(text[page.start():][:LONGEST_PAGE])}"
    return "".join(one if one.isprintable() or one in "\n\t" else " " for one in text)


def _title(page: str) -> str:
    """The title of a page, or else its text."""
    import html  # noqa: PLC0415 - hardly ever needed

    page = page.replace("\\n", " ")
    title = TITLE.search(page)
    return " ".join(html.unescape(title[2] if title else MARKUP.sub(" ", page)).split())


def merged(errors: Iterable[LabError]) -> list[LabError]:
    """The errors, but one for all hosts that cannot be reached for the same reason."""
    found: list[LabError] = []
    alike: dict[tuple[Closed, str], list[ReachError]] = {}
    for error in errors:
        if isinstance(error, ReachError):
            alike.setdefault((error.closed, error.hint), []).append(error)
        else:
            found.append(error)
    for (closed, hint), some in alike.items():
        where = few([error.where for error in some])
        one = ReachError(closed, some[0].what, where=where, hint=hint)
        one.__cause__ = some[0].__cause__
        found.append(one)
    return found


def stranger(
    what: str, name: str, where: str, known: Sequence[str], others: str = "",
) -> UsageError:
    """Of a name that nothing has: the nearest one that there is, or else some of them, or what
    `others` says instead. where: "" where that goes without saying."""
    near = difflib.get_close_matches(name, known, 1, 0.5)
    hint = others or f"known: {few(known, KNOWN) or 'none'}"
    return UsageError(f"no {what} {name!r}" + (f" in {where}" if where else ""),
                      hint=f"did you mean {near[0]}?" if near else hint)


def few(names: Sequence[str], most: int = 3) -> str:
    """Names as one reads them in a line: all of a few, of many the first and how many more."""
    if len(names) <= most + 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def gist(text: str) -> str:
    """The line of output that says most: the last one, or what stands before a failed step."""
    lines = [line.strip() for line in legible(text).splitlines() if line.strip()]
    if not lines:
        return ""
    told = next((line.removeprefix(REASON) for line in reversed(lines)
                 if line.startswith(REASON)), "")
    if told:
        return told[:400]  # our own line, which says where and quotes why
    step = lines[-1].removeprefix("failed: ")
    if step == lines[-1] or len(lines) == 1:
        return one_line(lines[-1])
    reason = next((line for line in lines if "error" in line.lower()), lines[-2])
    return one_line(f"{step}: {reason}")
