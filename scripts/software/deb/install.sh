#!/bin/bash
# Installs packages from a tar of .deb files that brings along all they need; no network is asked.
# Run as root on a host, or in the container that becomes a host's image. Done again after it was
# cut off, it goes on. What a package would start is not started, and what it would enable is not
# enabled: the lab's own units look after processes.
# Usage: install.sh SHA256 TAR SOFTWARE:PACKAGE:PATH...
set -Eeuo pipefail
sha256=$1 archive=$2
shift 2
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
marks=@INSTALLING@ links=@INSTALLING@/.links policy=/usr/sbin/policy-rc.d ours='# of kafkalab'
step='look at the archive'
trap 'echo "failed: $step" >&2' ERR
work=$(mktemp -d)
chmod 0755 "$work"

enabled() { # every link by which a unit is started with the host, or known by another name
  find /etc/systemd/system /lib/systemd/system -type l ! -lname /dev/null \
    \( -path '/etc/*' -o -path '*.wants/*' -o -path '*.requires/*' \) | sort
}
finish() {
  local link new=()
  rm -rf "$work"
  if [ -e "$links" ]; then
    for link in $(enabled | comm -13 "$links" -); do
      # Only what is a package's: between two runs the lab may have enabled units of its own.
      dpkg-query -S "*/systemd/system/$(basename "$(readlink "$link")")" >/dev/null 2>&1 || continue
      rm -f "$link"
      new+=("$(basename "$link")")
    done
  fi
  # Not before all is installed: the script of a package outlives a dpkg that was killed.
  if [ -z "$(ls "$marks" 2>/dev/null || true)" ]; then
    rm -f "$links"
    ! grep -qsF "$ours" "$policy" || rm -f "$policy"
  fi
  if ((${#new[@]})) && [ -d /run/systemd/system ]; then
    systemctl stop "${new[@]}"
    systemctl daemon-reload
  fi
}
trap finish EXIT
if ! echo "$sha256  $archive" | sha256sum -c --status; then
  rm -f "$archive"
  echo "@CORRUPT@; it was removed" >&2
  exit 1
fi
tar -x -f "$archive" -C "$work"
(cd "$work" && sha256sum -c --quiet @MANIFEST@)

step='mark what is being installed'
mkdir -p "$marks"
wanted=" "
for one; do
  : >"$marks/${one%%:*}"
  package=${one#*:}
  wanted+="${package%%:*} "
done
[ -e "$links" ] || { enabled >"$links.new"; mv "$links.new" "$links"; }
if [ ! -e "$policy" ] || grep -qF "$ours" "$policy"; then
  printf '#!/bin/sh\n%s: packages start nothing\nexit 101\n' "$ours" >"$policy"
  chmod 0755 "$policy"
fi

step='install packages'
# A run that was cut off leaves packages unpacked. What this cannot mend, apt sees below, and says.
# Appending: where dpkg is killed, a package's own script lives on, and would write over apt's words.
dpkg --configure -a >>"$work/log" 2>&1 || true
debs=()
for deb in "$work"/*.deb; do
  read -r name version < <(dpkg-deb -W --showformat='${Package} ${Version}\n' "$deb")
  if [[ $wanted != *" $name "* ]]; then # what is only needed by others may be there already
    read -r flag state have < <(
      dpkg-query -W -f='${db:Status-Eflag} ${db:Status-Status} ${Version}\n' "$name" 2>/dev/null ||
        echo none none none)
    [ "$flag $state" != "ok installed" ] || ! dpkg --compare-versions "$have" ge "$version" ||
      continue
  fi
  debs+=("$deb")
done
options=(
  DPkg::Lock::Timeout=120 Dpkg::Options::=--force-confdef Dpkg::Options::=--force-confold
  Dpkg::Use-Pty=0 Dir::Cache::pkgcache= Dir::Cache::srcpkgcache=
)
if ! apt-get -q -y --no-install-recommends --no-remove --reinstall --allow-downgrades \
  "${options[@]/#/-o}" install "${debs[@]}" >>"$work/log" 2>&1; then
  tail -n 40 "$work/log" >&2
  # One line for a person: the package, what dpkg or apt says of it, and what it said itself.
  reason=$(awk '
    /^dpkg: error/ { sub(/:$/, ""); line = $0; getline; sub(/^ +/, "")
      print line ": " $0 (said ? " (" said ")" : ""); exit }
    /unmet dependencies:$/ { getline; sub(/^ +/, ""); print; exit }
    /^E: / { print; exit }
    /^(Setting up|Preparing|Unpacking|Selecting|Processing|\(Reading)/ { said = ""; next }
    { said = $0 }' "$work/log")
  echo "${reason:-${wanted# }could not be installed}" >&2
  exit 1
fi
for one; do
  path=${one##*:}
  # A lost link of the kind that packages share does not come back with the package.
  [ -e "$path" ] || for name in $(grep -lxF "$path" /var/lib/dpkg/alternatives/* || true); do
    update-alternatives --quiet --auto "${name##*/}" >&2
  done
  [ -e "$path" ] || { echo "${one%:*} is installed, but $path is not there" >&2; exit 1; }
  # A program that is given a right which this container may not have is not even started.
  path=$(readlink -f "$path")
  [ -z "$(getcap "$path")" ] || setcap -r "$path"
done
for one; do rm -f "$marks/${one%%:*}"; done
