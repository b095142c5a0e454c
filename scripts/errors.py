"""The one exception tree of the tasks: every failure is a line a person can act on."""

from __future__ import annotations

from collections.abc import Sequence

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

    Carries the whole result: `argv` or script name, exit `status`, `stdout` and `stderr`.
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
    ) -> None:
        self.command = command if isinstance(command, str) else " ".join(command)
        self.status, self.stdout, self.stderr = status, stdout, stderr
        said = _gist(stderr) or _gist(stdout)
        what = f"`{self.command}` ended with {status}" + (f": {said}" if said else "")
        super().__init__(what, where=where, hint=hint)


class TimeoutExpired(LabError):
    """A condition did not come true before its deadline."""


class HostKeyError(LabError):
    """A host shows another key than the one read from its platform, or none is known."""


class LockedError(LabError):
    """Another run holds the lab's lock."""


# What clients raise about the world around them, by the package that the class comes from.
CLIENTS = {
    "cimpl": "Kafka", "confluent_kafka": "Kafka", "paramiko": "SSH", "botocore": "AWS",
    "http": "HTTP", "socket": "network",
}
NETWORK = (ConnectionError, TimeoutError)


def foreign(error: BaseException) -> LabError | None:
    """What a client has raised because of its surroundings, as an error of the lab.

    None for an error of the lab itself, and for a bug. The clients are not imported for it.
    """
    if isinstance(error, LabError):
        return None
    protocol = next((CLIENTS[root] for kind in type(error).__mro__
                     if (root := kind.__module__.partition(".")[0]) in CLIENTS), "")
    if not protocol and not isinstance(error, NETWORK):
        return None
    said = error.args[0] if error.args else ""
    # A KafkaException carries a KafkaError, whose own text is in C's notation.
    text = said.str() if hasattr(said, "str") else str(error)
    line = " ".join((text or type(error).__name__).split())
    made = LabError(f"{protocol or 'network'}: {line}", hint="see `fab status`")
    made.__cause__ = error
    return made


def _gist(text: str) -> str:
    """The line of output that says most: the last one, or what stands before a failed step."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    told = next((line.removeprefix(REASON) for line in reversed(lines)
                 if line.startswith(REASON)), "")
    if told:
        return told[:400]
    step = lines[-1].removeprefix("failed: ")
    if step == lines[-1] or len(lines) == 1:
        return lines[-1][:300]
    reason = next((line for line in lines if "error" in line.lower()), lines[-2])
    return f"{step}: {reason}"[:300]
