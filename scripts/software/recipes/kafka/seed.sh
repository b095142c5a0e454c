# Records the classes that Kafka's services load, so that every later start maps them from one file
# instead of reading them from a hundred jars. Part of a script that has $home and $work, after the
# nodes.sh of this Kafka: how it logs, what its nodes are, and who keeps their metadata.
#
# The JVM takes an archive only for the same class path: the jars' paths, sizes and modification
# times as they are here. So this runs in the image itself, with the artifact's own list of jars.
flags='-XX:+UseSerialGC -XX:TieredStopAtLevel=1'

# Another version of Kafka may lie in the image already, with the user.
getent passwd kafka > /dev/null || useradd --system --user-group --no-create-home \
    --home-dir /nonexistent --shell /usr/sbin/nologin kafka
mkdir "$home/cds"

cat > "$work/connect.cfg" <<END
bootstrap.servers=127.0.0.1:9092
group.id=seed
key.converter=org.apache.kafka.connect.converters.ByteArrayConverter
value.converter=org.apache.kafka.connect.converters.ByteArrayConverter
config.storage.topic=seed-configs
config.storage.replication.factor=1
offset.storage.topic=seed-offsets
offset.storage.replication.factor=1
offset.storage.partitions=1
status.storage.topic=seed-status
status.storage.replication.factor=1
status.storage.partitions=1
listeners=http://127.0.0.1:8083
plugin.discovery=service_load
END

# record SERVICE CLASS ARGUMENT...: runs the class; its archive is written when it ends.
record() {
    service=$1
    shift
    # shellcheck disable=SC2046,SC2086
    exec java $flags -Xmx256m "-XX:ArchiveClassesAtExit=$home/cds/$service.jsa" \
        $(logging "$service") "@$home/classpath.args" "$@" \
        > "$work/$service.log" 2>&1
}

# listening SERVICE PID PORT: waits up to 60 s until the port is open.
listening() {
    for _ in $(seq 600); do
        nc -z 127.0.0.1 "$3" && return
        kill -0 "$2" 2> /dev/null || break
        sleep 0.1
    done
    tail -n 20 "$work/$1.log" >&2
    echo "$1 does not listen on port $3" >&2
    exit 1
}

# stopped SERVICE PID WORDS: waits up to 60 s until the log has the words, or the process has ended.
stopped() {
    for _ in $(seq 600); do
        if grep -q "$3" "$work/$1.log" || ! kill -0 "$2" 2> /dev/null; then return; fi
        sleep 0.1
    done
    tail -n 20 "$work/$1.log" >&2
    echo "$1 does not stop" >&2
    exit 1
}

# ended SERVICE PID STATUS: waits for the process, which has to end with this status.
ended() {
    status=0
    wait "$2" || status=$?
    [ $status -eq "$3" ] && return
    tail -n 20 "$work/$1.log" >&2
    echo "$1 ended with $status" >&2
    exit 1
}

prepare
keep &
kept=$!
listening $keeper $kept $keeper_port
record kafka kafka.Kafka "$work/kafka.cfg" &
kafka=$!
listening kafka $kafka 9092

# Beside the others, as each records with one thread.
record tools org.apache.kafka.tools.TopicCommand --bootstrap-server 127.0.0.1:9092 \
    --create --topic seed --partitions 3 --replication-factor 1 &
tools=$!
record connect org.apache.kafka.connect.cli.ConnectDistributed "$work/connect.cfg" &
connect=$!
ended tools $tools 0
seq 100 | kcat -b 127.0.0.1:9092 -P -t seed
kcat -q -b 127.0.0.1:9092 -C -t seed -o beginning -e > "$work/consumed"
[ "$(wc -l < "$work/consumed")" -eq 100 ]
kcat -q -b 127.0.0.1:9092 -G seed-consumer -e seed > "$work/consumed"
listening connect $connect 8083

# Each archive is written after its service has stopped, so the next may stop meanwhile. In this
# order: a broker would wait for whoever keeps its metadata before it ends.
kill $connect
stopped connect $connect 'Kafka Connect stopped'
kill $kafka
stopped kafka $kafka 'shut down completed'
kill $kept
ended connect $connect 143
ended kafka $kafka 143
ended $keeper $kept 143
for service in $keeper kafka connect tools; do
    [ -s "$home/cds/$service.jsa" ] || { tail -n 20 "$work/$service.log" >&2; exit 1; }
done
chmod 0644 "$home"/cds/*.jsa
rm -rf "$work"
