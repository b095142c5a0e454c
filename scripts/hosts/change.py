"""Changing a host: one shell script that makes a list of changes, in order, as root.

Files, directories and links travel as one tar in the script itself: one program on the host writes
them all, with owner and mode. Whatever is cut off is seen as a difference by the next read.
"""

from __future__ import annotations

import base64
import io
import shlex
import tarfile
from collections.abc import Iterable, Mapping, Sequence

from lab import state
from lab.packages import names
from lab.state import Change, Key
from scripts.hosts.read import BEGIN, END
from scripts.hosts.units import STALE, WAIT, ports_script
from scripts.software.packages import INSTALLING

PRELUDE = WAIT + """\
set -eEuo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
step=start
trap 'echo "failed: $step" >&2' ERR
add_user() {
  getent passwd "$1" >/dev/null && return
  useradd --system --user-group --no-create-home --home-dir "$2" --shell /usr/sbin/nologin "$1"
}
put_block() { # PATH, the new block on standard input
  # The file may be a mount that cannot be renamed over, so it is written in place; the copy beside
  # it is whole before that begins, and a run that was cut off in between starts from the copy.
  [ ! -e "$1.kafkalab" ] || cat "$1.kafkalab" >"$1"
  {
    sed -e '/^@BEGIN@$/,/^@END@$/d' -e '$a\\' "$1"
    echo '@BEGIN@'; cat; echo '@END@'
  } >"$1.kafkalab-new"
  mv -f "$1.kafkalab-new" "$1.kafkalab"
  cat "$1.kafkalab" >"$1"
  rm -f "$1.kafkalab"
}
set_aside() { # PATH...
  local path
  for path; do
    [ -L "$path" ] || [ ! -d "$path" ] || mv -T -- "$path" "$path.$EPOCHSECONDS"
  done
}
refresh_lists() { # A fresh machine may still be busy with its own first updates.
  local said end=$((SECONDS + 120))
  until said=$(apt-get -qq update 2>&1); do
    [[ $said == *lock* ]] && ((SECONDS < end)) || { echo "$said" >&2; return 1; }
    sleep 1
  done
}
apt_install() { # PACKAGE...
  apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@" >/dev/null
}
""".replace("@BEGIN@", BEGIN).replace("@END@", END)


def change_script(changes: Sequence[Change]) -> str:
    """The bash script that makes `changes`, without those that need an archive from elsewhere.

    Services that run with another configuration are left to the rolling restart, and so are the
    files that they are started from (`restart_script`).
    """
    changes = at_once(changes)
    after = {change.key: change.after for change in changes if change.after is not None}
    parts = [PRELUDE]
    packages = {key.name: want for key, want in after.items() if isinstance(want, state.Package)}
    if packages:
        parts += _install(packages)
    for key, want in after.items():
        if isinstance(want, state.User):
            parts += _step(f"user {key.name}", "add_user", key.name, want.home)
    for key, want in after.items():  # each group is there, or has just been made with its user
        if isinstance(want, state.Member):
            parts += _step(str(key), "usermod", "--append", "--groups", key.name, want.user)
    parts += _files(changes)
    for key, want in after.items():
        if isinstance(want, state.Block):
            parts.append(f"step={shlex.quote(str(key))}")
            parts.append(_block(key.name, want.content))
    parts += _settings(changes)
    parts += _units(changes)
    return "\n".join(parts) + "\n"


def at_once(changes: Sequence[Change]) -> list[Change]:
    """The changes that need not wait for the turn of a running service to restart.

    Its files change with it, so that a host that is started anew before, or that never has its
    turn, starts the service as it was. What another service needs now is written now.
    """
    units = [change for change in changes if isinstance(change.after, state.Unit)]
    later = {key for one in units if one.restarts for key in _started_from(one)}
    now = {key for one in units if not one.restarts for key in _started_from(one)}
    return [
        change for change in changes
        if change.key not in later - now
        and not (change.restarts and isinstance(change.before, state.Unit)
                 and change.before.enabled)
    ]


def with_restart(changes: Sequence[Change], unit: str) -> list[Change]:
    """The changes of the files that `unit` is started from."""
    files = {key for one in changes if one.key.name == unit for key in _started_from(one)}
    return [change for change in changes if change.key in files]


def _started_from(change: Change) -> tuple[Key, ...]:
    return change.after.files if isinstance(change.after, state.Unit) else ()


def _files(changes: Sequence[Change]) -> list[str]:
    links = [one.key.name for one in changes if isinstance(one.after, state.Link)]
    # A folder in the place of a link is somebody's own, and tar would stop at it.
    parts = _step("make room for links", "set_aside", *links) if links else []
    if tar := _tar(changes):
        parts += ["step='write files'", f"base64 -d <<'TAR' | tar -x -p -f - -C /\n{tar}TAR"]
    return parts


def _step(label: str, *command: str) -> list[str]:
    return [f"step={shlex.quote(label)}", shlex.join(command)]


def _tar(changes: Iterable[Change]) -> str:
    """Files, directories and links as a base64 tar, parents first; "" when there are none."""
    buffer, count = io.BytesIO(), 0
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as out:
        for change in changes:
            entry, content = _member(change)
            if entry is not None:
                out.addfile(entry, io.BytesIO(content))
                count += 1
    return base64.encodebytes(buffer.getvalue()).decode() if count else ""


def _member(change: Change) -> tuple[tarfile.TarInfo | None, bytes]:
    entry, content = tarfile.TarInfo(change.key.name.lstrip("/")), b""
    match change.after:
        case state.Directory(mode, owner):
            entry.type, entry.mode = tarfile.DIRTYPE, mode
        case state.Link(target):
            entry.type, entry.linkname, owner = tarfile.SYMTYPE, target, "root"
        case state.File(_, mode, owner):
            content, entry.mode = change.after.data, mode
            entry.size = len(content)
        case _:
            return None, b""
    entry.uname = entry.gname = owner
    return entry, content


def _install(packages: Mapping[str, state.Package]) -> Iterable[str]:
    """Install what the lab calls `packages`, each family by its own names (lab.packages).

    Until all of it is there and configured, a mark says so: the file that shows a package to be
    there comes before the end of its installation.
    """
    apt, dnf = (shlex.join(names(packages, family)) for family in ("debian", "amazon"))
    marks = [f"{INSTALLING}/{name}" for name in packages]
    yield from _step("install packages", "mkdir", "-p", INSTALLING)
    yield shlex.join(["touch", *marks])
    yield (
        "if command -v apt-get >/dev/null; then\n"
        "  refresh_lists\n"
        f"  apt_install {apt} || {{ dpkg --configure -a >&2; apt_install {apt}; }}\n"
        f"else\n  dnf -q install -y {dnf}\nfi"
    )
    for name, package in packages.items():
        path = shlex.quote(package.path)
        yield (f"[ -e {path} ] || "
               f"{{ echo {shlex.quote(name)} is installed, but {path} is not there >&2; false; }}")
    yield shlex.join(["rm", "-f", *marks])


def _settings(changes: Sequence[Change]) -> list[str]:
    parts: list[str] = []
    for change in changes:
        match change.after:
            case state.Sysctl(value):
                parts += _step(str(change.key), "sysctl", "-q", "-w", f"{change.key.name}={value}")
            case state.Firewall():
                parts += _step("load the security rules", "nft", "-f", "/etc/nftables.conf")
                parts += _step("firewall at boot", "systemctl", "-q", "enable", "--no-reload",
                               "nftables.service")
    if any(change.key.name.startswith("/etc/systemd/journald") for change in changes):
        parts += _step("bound the logs", "systemctl", "restart", "--no-block",
                       "systemd-journald.service")
    return parts


def block_script(path: str, content: str) -> str:
    """Write the lab's own part of a file, and nothing else."""
    return f"{PRELUDE}step={shlex.quote(path)}\n{_block(path, content)}\n"


def _block(path: str, content: str) -> str:
    return f"put_block {shlex.quote(path)} <<'BLOCK'\n{content}BLOCK"


def _units(changes: Sequence[Change]) -> list[str]:
    parts: list[str] = []
    units = [change for change in changes if change.key.kind == "unit"]
    if any(change.key.name.endswith(".service") for change in changes):
        parts += _step("reload systemd", "systemctl", "daemon-reload")
    for change in units:
        name, before, after = change.key.name, change.before, change.after
        if after is None:
            parts += _step(f"stop {name}", "systemctl", "-q", "disable", "--now", name)
            continue
        if not (isinstance(before, state.Unit) and before.enabled):
            parts += _step(f"enable {name}", "systemctl", "-q", "enable", "--no-reload", name)
        if isinstance(before, state.Unit) and before.trouble and before.digest == _digest(after):
            parts.append(ports_script({name: getattr(after, "port", None)}))
            parts += _step(f"repair {name}", "revive", name)
        elif not change.restarts:
            # Not `start`: a service that keeps failing waits between its tries with old settings.
            parts += _restart(f"start {name}", name)
    return parts


def _digest(resource: state.Resource) -> str:
    return resource.digest if isinstance(resource, state.Unit) else ""


def _restart(label: str, unit: str) -> list[str]:
    unmark = shlex.join(["rm", "-f", f"{STALE}/{unit}"])
    return [*_step(label, "systemctl", "restart", unit), unmark]


def wait_script(
    unit: str, address: str, port: int, seconds: int, *, stay: bool = False
) -> str:
    """A script that ends when `unit` answers on its port, or fails after `seconds` with the reason.

    Where it fails and a change of its files was never seen to be good, it gets its former files.
    `stay`: it must also have run for a while since its last restart.
    """
    words = ("serves", unit, address, str(port), str(seconds), *(["stay"] if stay else []))
    return PRELUDE + "\n".join(_step(f"wait for {unit}", *words)) + "\n"


def restart_script(
    unit: str, address: str, port: int | None, seconds: int, changes: Sequence[Change] = (),
) -> str:
    """Restart one service and wait for its port, where it has one; done again it does no harm.

    `changes` are those of the files that it is started from (`with_restart`). Where it does not
    serve with them, it goes on with its former ones, and the script fails with the reason.
    """
    parts = [PRELUDE]
    if port is not None and changes:
        parts += _step("keep the former files", "keep_former", unit,
                       *(change.key.name for change in changes))
    # Before the files: who comes after a cut-off must still know it.
    parts += _step("mark what has to restart", "mkdir", "-p", STALE)
    parts.append(shlex.join(["touch", f"{STALE}/{unit}"]))
    parts += _files(changes)
    parts += _step("reload systemd", "systemctl", "daemon-reload")
    if port is None:
        parts += _restart(f"restart {unit}", unit)
    else:
        parts += _step(f"restart {unit}", "systemctl", "restart", unit)
        parts += _step(f"wait for {unit}", "serves", unit, address, str(port), str(seconds))
    return "\n".join(parts) + "\n"
