"""Reading a host: one shell script for all that is asked, and its answer as a HostState.

The script knows the digest of each file that is wanted, so the content of a file crosses the wire
only where it differs. It starts as few programs as it can: on a lab in order, the read is most of
what a second run costs.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Callable, Iterator

from lab import state
from lab.state import HostState, Key, Resource
from scripts.errors import LabError
from scripts.hosts.units import LOOK, parse_unit, ports_script
from scripts.software.packages import INSTALLING

BEGIN, END = "# BEGIN kafkalab", "# END kafkalab"
CAPABILITIES = {"clock": 25}  # CAP_SYS_TIME, in linux/capability.h

# Every line of the answer: what was asked for, its name, and what was found, separated by tabs.
PRELUDE = """\
set -o pipefail
export LC_ALL=C
say() { local IFS=$'\\t'; echo "$*"; }
ability() { # NAME BIT: whether capability BIT is among those that a process here may have at most
  local key value found=no
  while read -r key value; do
    [ "$key" = CapBnd: ] && ((16#$value >> $2 & 1)) && found=yes
  done </proc/self/status
  say ability "$1" "$found"
}
package() { [ -e "$2" ] && [ ! -e "@INSTALLING@/$1" ] && say package "$1" "$2"; }
user() {
  local name home
  while IFS=: read -r name _ _ _ _ home _; do
    [ "$name" = "$1" ] && say user "$1" "$home"
  done </etc/passwd
}
member() { # GROUP USER
  local name members
  while IFS=: read -r name _ _ members; do
    [ "$name" = "$1" ] && [[ ,$members, == *",$2,"* ]] && say member "$1" "$2"
  done </etc/group
}
archive() {
  [ -r "$1/.digest" ] || return
  if [ -e "$1/.manifest" ] && ! cmp -s "$1/.manifest" <(cd "$1"/lib*/ && stat -c '%s %n' -- *)
  then say archive "$1" damaged; else say archive "$1" "$(<"$1/.digest")"; fi
}
block() {
  local line inside=
  while IFS= read -r line || [ -n "$line" ]; do
    [ "$line" = '@END@' ] && inside=
    [ -n "$inside" ] && printf 'block\\t%s\\t%s\\n' "$1" "$line"
    [ "$line" = '@BEGIN@' ] && inside=1 && say marked "$1" yes
  done <"$1"
}
sysctl() {
  local file=/proc/sys/${1//./\\/} settable=no
  [ -r "$file" ] || { say sysctl "$1" no absent; return; }
  [ -w "$file" ] && settable=yes
  say sysctl "$1" "$settable" "$(<"$file")"
}
firewall() {
  nft list table inet "$1" 2>/dev/null |
    sed -n "s/^\\tcomment \\"\\(.*\\)\\"/firewall\\t$1\\t\\1/p"
}
differing() { # WHAT, lines of sha256sum on standard input; the content of a secret stays here
  local line file
  sha256sum -c --quiet 2>/dev/null | while IFS= read -r line; do
    file=${line%: FAILED*}
    [ -f "$file" ] || continue
    if [ "$1" = secret ]; then say content "$file"
    else say content "$file" "$(base64 -w0 <"$file")"; fi
  done
}
"""
for _name, _text in (("@BEGIN@", BEGIN), ("@END@", END), ("@INSTALLING@", INSTALLING)):
    PRELUDE = PRELUDE.replace(_name, _text)
PRELUDE += LOOK


def read_script(desired: HostState) -> str:
    """The bash script that reports, as root, what a host has of everything in `desired`."""
    lines = [PRELUDE]
    paths: list[str] = []
    units: dict[str, int | None] = {}
    checks: dict[str, list[tuple[str, str]]] = {"file": [], "secret": []}
    for key, want in desired.items():
        name = shlex.quote(key.name)
        match want:
            case state.Ability():
                lines.append(f"ability {name} {CAPABILITIES[key.name]}")
            case state.Package(word) | state.Member(word):
                lines.append(f"{key.kind} {name} {shlex.quote(word)}")
            case state.User() | state.Archive() | state.Block() | state.Sysctl():
                lines.append(f"{key.kind} {name}")
            case state.Firewall():
                lines.append(f"firewall {name}")
            case state.Directory() | state.Link():
                paths.append(name)
            case state.File():
                paths.append(name)
                kind = "secret" if want.secret else "file"
                checks[kind].append((key.name, hashlib.sha256(want.data).hexdigest()))
            case state.Unit():
                units[key.name] = want.port
    if paths:
        lines.append(f"stat -c $'path\\t%n\\t%F\\t%a\\t%U\\t%N' -- {' '.join(paths)} 2>/dev/null")
    for kind, sums in checks.items():
        # One program for all files; only those that differ are looked at again.
        wanted = "".join(f"{digest}  {name}\n" for name, digest in sums)
        if wanted:
            lines.append(f"differing {kind} <<'SUMS'\n{_unquoted(wanted)}SUMS")
    if units:
        # Without an answer from systemd, no unit would look like one that does not run.
        names = " ".join(map(shlex.quote, units))
        lines += [ports_script(units), f"units {names} || exit"]
    lines.append("say end")
    return "\n".join(lines) + "\n"


def _unquoted(text: str) -> str:
    """Paths of the lab's own files need no quoting; anything else would be a mistake here."""
    if "'" in text or "\\" in text or text.count("\n") != text.count("  /"):
        raise ValueError(f"a path that the read cannot ask for: {text!r}")
    return text


def parse(answer: str, desired: HostState, *, host: str) -> HostState:
    """What the host has, from the answer to `read_script(desired)`.

    Raises LabError when the answer is cut off, which must never be read as "nothing is there".
    """
    lines = [line.split("\t") for line in answer.splitlines()]
    if not lines or lines[-1] != ["end"]:
        raise LabError("the answer to the read is cut off", where=host, hint="run it again")
    found: dict[Key, Resource] = {}
    contents = {
        fields[1]: "".join(fields[2:]) for fields in lines if fields[0] == "content"
    }
    for kind, *fields in lines:
        if kind in _PARSERS:
            for key, resource in _PARSERS[kind](fields, desired, contents):
                found[key] = resource
    _add_blocks(lines, found)
    return found


Parsed = Iterator[tuple[Key, Resource]]


def _ability(fields: list[str], desired: HostState, __: dict[str, str]) -> Parsed:
    key = Key("ability", fields[0])
    want = desired.get(key)
    if isinstance(want, state.Ability):
        yield key, state.Ability(want.needed_for, fields[1] == "yes")


def _package(fields: list[str], _: HostState, __: dict[str, str]) -> Parsed:
    yield Key("package", fields[0]), state.Package(fields[1])


def _user(fields: list[str], _: HostState, __: dict[str, str]) -> Parsed:
    yield Key("user", fields[0]), state.User(fields[1])


def _member(fields: list[str], _: HostState, __: dict[str, str]) -> Parsed:
    yield Key("member", fields[0]), state.Member(fields[1])


def _archive(fields: list[str], _: HostState, __: dict[str, str]) -> Parsed:
    yield Key("archive", fields[0]), state.Archive(fields[1])


def _sysctl(fields: list[str], _: HostState, __: dict[str, str]) -> Parsed:
    name, settable, value = fields[0], fields[1], "\t".join(fields[2:])
    yield Key("sysctl", name), state.Sysctl(value, settable == "yes")


def _firewall(fields: list[str], _: HostState, __: dict[str, str]) -> Parsed:
    yield Key("firewall", fields[0]), state.Firewall(fields[1])


def _unit(fields: list[str], _: HostState, __: dict[str, str]) -> Parsed:
    found = parse_unit(fields)
    yield Key("unit", found.name), state.Unit(
        found.digest, found.state == "active" and not found.trouble, found.enabled,
        trouble=found.trouble, phase=found.phase,
    )


def _path(fields: list[str], desired: HostState, contents: dict[str, str]) -> Parsed:
    """A line of stat: what lies at a path that should be a file, a directory or a link.

    What lies where a link should be is replaced by it, and is no difference of its own.
    """
    path, kind, mode, owner, arrow = fields
    if kind != "symbolic link" and Key("link", path) in desired:
        return
    if kind == "symbolic link":
        yield Key("link", path), state.Link(arrow.partition(" -> ")[2].strip("'"))
    elif kind == "directory":
        yield Key("directory", path), state.Directory(int(mode, 8), owner)
    else:
        want = desired.get(Key("file", path))
        content: str | bytes = want.content if isinstance(want, state.File) else ""
        if path in contents:
            content = base64.b64decode(contents[path])
            if not isinstance(want, state.File) or isinstance(want.content, str):
                content = content.decode(errors="replace")
        yield Key("file", path), state.File(content, int(mode, 8), owner)


_PARSERS: dict[str, Callable[[list[str], HostState, dict[str, str]], Parsed]] = {
    "ability": _ability, "package": _package, "user": _user, "member": _member, "archive": _archive,
    "sysctl": _sysctl, "firewall": _firewall, "unit": _unit, "path": _path,
}


def _add_blocks(lines: list[list[str]], found: dict[Key, Resource]) -> None:
    for kind, *fields in lines:
        if kind == "marked":
            found[Key("block", fields[0])] = state.Block("")
        elif kind == "block":
            key = Key("block", fields[0])
            before = found[key]
            text = before.content if isinstance(before, state.Block) else ""
            found[key] = state.Block(text + "\t".join(fields[1:]) + "\n")
