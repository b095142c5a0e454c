"""How a service of a host is doing: not only whether systemd runs it, but whether it stays.

systemd starts a process that dies again and again, and calls it active between two deaths. So the
number of restarts, the time since the last start and the service's own port are looked at together,
in bash on the host, by everything that asks: the read, the status, and the wait for a start.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.state import RUNNING, STARTING, YOUNG
from scripts.errors import REASON

# A file UNIT here says that the unit's process began before its files were written. It goes with a
# restart of the unit, and with one of the host.
STALE = "/run/kafkalab-stale"
# UNIT.tar here has the files that a unit ran with before a change, until it serves with others.
FORMER = "/var/lib/kafkalab/former"
GOES_ON = "it goes on with its former settings"
START_SECONDS = 120  # until a started service answers on its port
# A service that systemd has restarted is well again once it has stayed so long for each restart.
STAY_SECONDS, STAY_AT_MOST = 5, 60
STOP_SECONDS = 90  # systemd itself kills a service after 60 (TimeoutStopSec)
# So often may a service end while its start is waited for: a broker needs several tries until its
# old session is over (9 s), and each takes at least the two seconds between them.
TRIES = 4
CAUSE_LENGTH = 230  # characters

# `look` starts one program for all units. `listens` asks the kernel instead of connecting, since
# ZooKeeper warns in its log of everybody who says nothing; and it asks for listening sockets alone:
# for /proc/net/tcp the kernel walks its table of all connections, which takes it 5 ms.
_LOOK = """\
declare -A port=()
look() { # UNIT...: what systemd knows, a line for each property, an empty one after each unit
  systemctl show --timestamp=unix \\
    -p Id,ActiveState,SubState,UnitFileState,MainPID,LoadState,NRestarts,ActiveEnterTimestamp \\
    -- "$@" | { cat; echo; }
}
property() { # a line of `look`: its value goes where the caller has declared it
  case $1 in
    Id=*) id=${1#*=};; ActiveState=*) active=${1#*=};; SubState=*) sub=${1#*=};;
    UnitFileState=*) enabled=${1#*=};; MainPID=*) pid=${1#*=};; NRestarts=*) restarts=${1#*=};;
    ActiveEnterTimestamp=*) entered=${1#*=} entered=${entered#@};;
  esac
}
listening=
listens() { # PORT
  [ -n "$listening" ] || { listening=$(ss -Hltn) || :; }
  [[ $listening == *:"$1"[[:space:]]* ]]  # nobody's other end has a port
}
ago() { # SECONDS, in words
  if (($1 < 120)); then echo "$1 s"; elif (($1 < 7200)); then echo "$(($1 / 60)) min"
  else echo "$(($1 / 3600)) h"; fi
}
stay() { # RESTARTS: how long it takes to be well again
  echo "$(($1 * @STAY@ < @STAY_AT_MOST@ ? $1 * @STAY@ : @STAY_AT_MOST@))"
}
trouble() { # of the unit in $id, by what `property` found: in words in $said, none where it is well
  local age silent= why
  said=
  age=$((EPOCHSECONDS - ${entered:-0}))
  ((age >= 0)) || age=0
  if [ "$active" = active ]; then
    [ -z "${port[$id]-}" ] || listens "${port[$id]}" || silent="does not answer on ${port[$id]}"
    if ((restarts == 0)); then [ -n "$silent" ] && ((age >= @START@)) || return 0
    elif [ -z "$silent" ] && ((age >= $(stay "$restarts"))); then return 0; fi
  elif ((restarts == 0)) && [ "$sub" != auto-restart ] && [ "$active" != failed ]; then return 0
  fi
  if ((restarts > 0)); then
    said="restarted $restarts times"
    ((restarts > 1)) || said="restarted once"
    [ -z "$entered" ] || said+=", last $(ago "$age") ago"
    [ -z "$silent" ] || said+=", $silent"
  elif [ -n "$silent" ]; then said="$silent, $(ago "$age") after its start"
  else said="has ended"; fi
  why=$(cause "$id" "$((${entered:-EPOCHSECONDS} - @START@))")
  said+=${why:+: $why}
}
"""

# What counts, from the last try of a unit that says anything: a signal that killed it; else the
# exception of its last error, with the innermost cause; else what a JVM or systemd wrote because
# the process could not even begin; a warning only where there is nothing else.
_CAUSE = """\
cause() { # UNIT SINCE (seconds of the epoch): why its last try ended, in one line
  local line kind= error= thrown= warned= raw= ended= killed= found= class log
  log='^(ERROR|FATAL|WARN) (.*)$'
  class='^(Caused by: |Exception in thread "[^"]*" )?([a-z][A-Za-z0-9_]*[.])+'
  class+='([A-Z][A-Za-z0-9_.$]*)(: .*)?$'
  while IFS= read -r line; do
    line=${line//[$'\\t\\r']/ }
    if [[ $line =~ $log ]]; then
      kind=${BASH_REMATCH[1]} line=${BASH_REMATCH[2]}
      [[ $line =~ ^(.*)\\ \\([A-Za-z0-9_.$]+\\)$ ]] && line=${BASH_REMATCH[1]}
      case $kind,$line in
        WARN,*) warned=$line;;
        *,'Exiting JVM with'*|*,'Halting Kafka'*) ;;  # what it does then, not why
        *) error=$line;;
      esac
    elif [[ $line =~ $class ]]; then
      line=${BASH_REMATCH[3]##*[.$]}${BASH_REMATCH[4]}
      if [ "$kind" = WARN ]; then warned+=": $line"
      elif [ "${BASH_REMATCH[1]}" = 'Caused by: ' ] && [ -n "$thrown" ]; then
        thrown="${thrown%, caused by *}, caused by $line"
      else thrown=$line error=; fi
    elif [[ $line == "$1: "* ]]; then
      line=${line#"$1: "}
      case $line in
        *'OOM killer'*) killed=$line;;
        *'code=killed'*|*'code=dumped'*) killed=${killed:-$line};;
        'Failed with result'*) kind=end;;
        'Main process exited'*|'Failed '*|*' failed'*) ended=${ended:-$line};;
      esac
    else
      kind=
      case $line in
        INFO\\ *|DEBUG\\ *|TRACE\\ *|*' warning: '*|Stopp*) ;;
        'Error: A fatal'*|'Error: Could not create'*) ;;
        Started\\ *) kind=end;;
        *) [ -n "$thrown$error" ] || raw=${raw:-$line};;
      esac
    fi
    if [ -n "$killed" ]; then found=$killed
    elif [ -n "$thrown" ]; then found=${error:+"$error; "}$thrown
    else line=${error:-${raw:-${ended:-$warned}}} found=${line:-$found}; fi
    [ "$kind" != end ] || kind= error= thrown= warned= raw= ended= killed=
  done < <(journalctl -q -u "$1" -o cat --no-pager -n 2000 --since="@$2" | grep -v '^[[:space:]]')
  echo "${found:0:@LENGTH@}"
}
"""

_REPORT = """\
report() { # from the lines of `look`, a line for each unit
  local line value id active sub enabled pid restarts entered found phase said
  id=
  while IFS= read -r line; do
    property "$line"
    [ -z "$line" ] && [ -n "$id" ] || continue
    found= phase=
    if [ "$active" = active ] && ((EPOCHSECONDS - ${entered:-0} < @START@)); then
      if [ -z "${port[$id]-}" ] || listens "${port[$id]}"
      then phase=@YOUNG@; else phase=@STARTING@; fi
    fi
    [ "${pid:-0}" = 0 ] || while IFS= read -r -d '' value; do
      case $value in -Dkafkalab.digest=*) found=${value#*=};; esac
    done <"/proc/$pid/cmdline"
    [ -n "$found" ] || [ "${pid:-0}" = 0 ] || [ ! -r "@RUNNING@/$id" ] || found=$(<"@RUNNING@/$id")
    [ ! -e "@STALE@/$id" ] || found=stale-$found
    trouble
    printf 'unit\\t%s\\t%s\\t%s\\t%s\\t%s\\t%s\\t%s\\n' \\
      "$id" "$active" "$enabled" "${found:--}" "$sub" "$said" "$phase"
    id= restarts=0 entered=
  done
}
units() { look "$@" | report; }
"""

# `answers` connects, as a client would. The first look at systemd comes after two seconds, for most
# services answer before.
_WAIT = """\
answers() { # ADDRESS PORT
  (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}
revive() { # UNIT: start it anew, but no process that serves or has only just begun
  local line id= active= sub= enabled= pid= restarts=0 entered=
  while IFS= read -r line; do property "$line"; done < <(look "$1")
  if [ "$active" = active ]; then
    [ -n "${port[$1]-}" ] && ! listens "${port[$1]}" || return 0
    ((EPOCHSECONDS - ${entered:-0} >= @START@)) || return 0
  fi
  systemctl restart "$1"
}
wait_port() { # UNIT ADDRESS PORT SECONDS [stay]: until it answers, and has stayed for long enough
  local began=$EPOCHSECONDS first= looks=0 line why
  local id active= sub= enabled= pid= restarts=0 entered=
  while :; do
    if answers "$2" "$3"; then
      [ "${5-}" = stay ] || return 0
      why="does not stay"
    else why="does not answer on $2:$3"; fi
    if ((++looks % 8 == 0)); then
      while IFS= read -r line; do property "$line"; done < <(look "$1")
      first=${first:-$restarts}
      if [ "$active" = active ] && [ "$why" = 'does not stay' ] &&
        ((EPOCHSECONDS - ${entered:-EPOCHSECONDS} >= $(stay "$((restarts + 1))")))
      then systemctl reset-failed "$1"; return 0; fi  # counts its restarts from now on
      if ((restarts - first >= @TRIES@)); then
        why="ended $((restarts - first)) times within $((EPOCHSECONDS - began)) s"
        say_cause "$1" "$why" "$began"
        return 1
      fi
    fi
    if ((EPOCHSECONDS - began >= $4)); then say_cause "$1" "$why after $4 s" "$began"; return 1; fi
    sleep 0.25  # each look is a process, on many hosts that share a machine
  done
}
say_cause() { # UNIT WHAT SINCE
  local why
  why=$(cause "$1" "$(($3 - 2))")
  echo "@REASON@$1 $2${why:+: $why}" >&2
}
"""


# A run that is cut off leaves the former files, and whoever waits for the unit next finds them.
# While the mark in STALE says that nobody has seen the unit serve since, others do not take their
# place. The counter of restarts begins anew with them: what it counted was not their trouble.
_FORMER = """\
keep_former() { # UNIT PATH...: what is there of these files, before they are changed
  local unit=$1 path there=()
  shift
  [ ! -e "@STALE@/$unit" ] || [ ! -e "@FORMER@/$unit.tar" ] || return 0
  for path; do [ ! -e "$path" ] || there+=("${path#/}"); done
  rm -f "@FORMER@/$unit.tar"
  ((${#there[@]})) || return 0
  mkdir -p -m 0700 "@FORMER@"
  (umask 077; tar -c -p -f "@FORMER@/$unit.part" -C / -- "${there[@]}")
  mv -f "@FORMER@/$unit.part" "@FORMER@/$unit.tar"
}
serves() { # like wait_port; a unit that does not serve with changed files gets its former ones back
  local said
  if said=$(wait_port "$@" 2>&1); then rm -f "@FORMER@/$1.tar" "@STALE@/$1"; return 0; fi
  rm -f "@STALE@/$1"
  if [ -e "@FORMER@/$1.tar" ]; then
    if give_back "$1" && wait_port "$1" "$2" "$3" @START@ 2>/dev/null
    then said+="; @GOES_ON@"
    else said+="; its former settings are back, but it does not serve with them either"; fi
  fi
  echo "$said" >&2
  return 1
}
give_back() { # UNIT
  systemctl stop "$1" && tar -x -p -f "@FORMER@/$1.tar" -C / && systemctl daemon-reload || return
  systemctl reset-failed "$1" || :  # nothing to reset where it has not failed
  systemctl start "$1" && rm -f "@FORMER@/$1.tar"
}
"""


def _filled(text: str) -> str:
    for name, value in (
        ("@RUNNING@", RUNNING), ("@STALE@", STALE), ("@START@", START_SECONDS),
        ("@STAY_AT_MOST@", STAY_AT_MOST), ("@STAY@", STAY_SECONDS), ("@TRIES@", TRIES),
        ("@LENGTH@", CAUSE_LENGTH), ("@REASON@", REASON), ("@FORMER@", FORMER),
        ("@GOES_ON@", GOES_ON), ("@STARTING@", STARTING), ("@YOUNG@", YOUNG),
    ):
        text = text.replace(name, str(value))
    return text


LOOK = _filled(_LOOK + _CAUSE + _REPORT)  # for scripts that ask
WAIT = _filled(_LOOK + _CAUSE + _WAIT + _FORMER)  # for scripts that start services


def ports_script(ports: Mapping[str, int | None]) -> str:
    """The line that tells a script on which port each unit serves, where it has one."""
    pairs = " ".join(f"[{shlex.quote(unit)}]={port}" for unit, port in ports.items() if port)
    return f"port=({pairs})"


def where_set_up(verb: str, unit: str) -> str:
    """A script that stops or starts a unit, where a host has it."""
    name = shlex.quote(unit)
    return f"if systemctl cat -- {name} >/dev/null 2>&1; then systemctl {verb} {name}; fi\n"


def units_script(ports: Mapping[str, int | None]) -> str:
    """A script that reports on units by itself; see `parse_units`."""
    names = " ".join(map(shlex.quote, ports))
    return f"set -o pipefail\nexport LC_ALL=C\n{LOOK}{ports_script(ports)}\nunits {names}\n"


@dataclass(frozen=True)
class UnitReport:
    """A unit on a host. `state`: as systemd calls it, "active", and `detail`, "running".

    trouble: in what way it does not do its work although systemd may run it; "" where it does.
    phase: STARTING or YOUNG where its process has only just begun.
    """

    name: str
    state: str
    enabled: bool
    digest: str
    detail: str
    trouble: str
    phase: str = ""

    @property
    def words(self) -> str:
        """ "running", or what it is instead."""
        if self.trouble:
            return self.trouble
        if (self.state, self.detail) == ("active", "running"):
            return "running"
        return f"{self.state} ({self.detail})"


def parse_unit(fields: list[str]) -> UnitReport:
    """A unit from the fields that follow the word "unit" in a line of `report`."""
    name, active, enabled, digest, detail, trouble, phase = fields
    return UnitReport(
        name, active, enabled == "enabled", "" if digest == "-" else digest, detail, trouble, phase,
    )


def parse_units(answer: str) -> Iterator[UnitReport]:
    """The units in the answer to `units_script`."""
    for line in answer.splitlines():
        kind, *fields = line.split("\t")
        if kind == "unit":
            yield parse_unit(fields)
