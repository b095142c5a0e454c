#!/bin/sh
# Sends every @@what of this host SIGTERM, or the signal that SIGNAL names, and does not wait.
# The command line is read whole from /proc: ps would cut it before the class, which stands behind
# a class path of some 8 kB. The pattern does not match itself. Containers on this host are hosts of
# their own, though their processes show in /proc: only this process's own namespace is meant.
here=$(readlink /proc/self/ns/pid)
found=
for file in $(grep -lzx -e '@@pattern' /proc/[0-9]*/cmdline 2>/dev/null); do
  pid=${file#/proc/}
  pid=${pid%/cmdline}
  read -r program <"/proc/$pid/comm" || continue
  [ "$program" = java ] && [ "$(readlink "/proc/$pid/ns/pid")" = "$here" ] || continue
  found=yes
  kill -s "${SIGNAL:-TERM}" "$pid"
done
if [ -z "$found" ]; then
  echo "no @@what that you may stop is running on this host" >&2
  exit 1
fi
