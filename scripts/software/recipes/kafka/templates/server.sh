#!/bin/sh
# @@cls with this distribution's jars; kafka-run-class.sh tells which variables are heeded.
self=$(readlink -f -- "$0")
bin=${self%/*}
daemon=
if [ "${1:-}" = -daemon ]; then
  daemon=-daemon
  shift
fi
if [ $# -eq 0 ]; then
  echo "usage: ${0##*/} [-daemon] @@takes" >&2
  exit 1
fi
export KAFKA_HEAP_OPTS="${KAFKA_HEAP_OPTS:-@@heap}"
export KAFKA_LOG4J_OPTS="${KAFKA_LOG4J_OPTS:--Dlog4j.configuration=file:${bin%/bin}/config/@@log4j}"
# shellcheck disable=SC2086
exec "$bin/kafka-run-class.sh" $daemon ${EXTRA_ARGS--name @@extra} @@cls "$@"
