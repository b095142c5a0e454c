#!/bin/sh
# Runs one class with every jar of this distribution on its class path:
#   kafka-run-class.sh [-daemon] [-name NAME] [-loggc] CLASS [ARGUMENT]...
# Heeded, as Kafka's users know them: JAVA_HOME, CLASSPATH, LOG_DIR, CONSOLE_OUTPUT_FILE, JMX_PORT
# and KAFKA_{HEAP,JVM_PERFORMANCE,GC_LOG,JMX,LOG4J}_OPTS; KAFKA_OPTS comes last and so wins.
set -u

self=$(readlink -f -- "$0")
home=${self%/bin/*}
usage="usage: ${0##*/} [-daemon] [-name NAME] [-loggc] CLASS [ARGUMENT]..."

name=kafka
daemon=
gc_log=
while [ $# -gt 0 ]; do
  case $1 in
    -daemon) daemon=yes ;;
    -loggc) gc_log=yes ;;
    -name)
      [ $# -ge 2 ] || { echo "$usage" >&2; exit 1; }
      name=$2
      shift
      ;;
    *) break ;;
  esac
  shift
done
[ $# -gt 0 ] || { echo "$usage" >&2; exit 1; }

java=java
[ -z "${JAVA_HOME:-}" ] || java=$JAVA_HOME/bin/java
command -v "$java" >/dev/null || { echo "${0##*/}: no $java; install a JRE or set JAVA_HOME" >&2; exit 1; }

# One order on every host, whatever its locale: a class-data archive holds for one order only.
LC_ALL_before=${LC_ALL-unset}
LC_ALL=C
class_path=${CLASSPATH:+$CLASSPATH:}
for jar in "$home"/libs/*.jar; do
  class_path=$class_path$jar:
done
class_path=${class_path%:}
if [ "$LC_ALL_before" = unset ]; then unset LC_ALL; else LC_ALL=$LC_ALL_before; fi

LOG_DIR=${LOG_DIR:-$home/logs}
if [ -n "${KAFKA_LOG4J_OPTS:-}" ] || [ -n "$daemon$gc_log" ]; then
  mkdir -p -- "$LOG_DIR" || exit 1
fi
log4j=${KAFKA_LOG4J_OPTS:--Dlog4j.configuration=file:$home/config/tools-log4j.properties}
heap=${KAFKA_HEAP_OPTS:--Xmx256M}
speed=${KAFKA_JVM_PERFORMANCE_OPTS:--server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 \
  -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent -Djava.awt.headless=true}
jmx=${KAFKA_JMX_OPTS:--Dcom.sun.management.jmxremote.authenticate=false \
  -Dcom.sun.management.jmxremote.ssl=false}
# Without a port the agent would only cost start-up time.
if [ -n "${JMX_PORT:-}" ]; then
  jmx="-Dcom.sun.management.jmxremote -Dcom.sun.management.jmxremote.port=$JMX_PORT $jmx"
elif [ -z "${KAFKA_JMX_OPTS:-}" ]; then
  jmx=
fi
gc=${KAFKA_GC_LOG_OPTS:-}
if [ -n "$gc_log" ] && [ -z "$gc" ]; then
  gc="-Xlog:gc*:file=$LOG_DIR/$name-gc.log:time,tags:filecount=10,filesize=100M"
fi

# Options are words, not file patterns.
set -f
# shellcheck disable=SC2086
set -- $heap $speed $gc $jmx "-Dkafka.logs.dir=$LOG_DIR" $log4j -cp "$class_path" \
  ${KAFKA_OPTS:-} "$@"

if [ -n "$daemon" ]; then
  nohup "$java" "$@" >"${CONSOLE_OUTPUT_FILE:-$LOG_DIR/$name.out}" 2>&1 </dev/null &
else
  exec "$java" "$@"
fi
