# Records the classes that the registry loads, as Kafka's seed.sh does for its services. Part of a
# script that has $home and $work. The registry works here as it will: against a broker, of the Kafka
# that lies in the image already.
flags='-XX:+UseSerialGC -XX:TieredStopAtLevel=1'
kafka=$(ls -d /usr/local/kafka_*/ | tail -n 1)
mkdir "$home/cds"

cat > "$work/node.cfg" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:9093
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093
log.dirs=$work/node
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
END
cat > "$work/registry.properties" <<END
quarkus.http.host=127.0.0.1
quarkus.http.port=8081
quarkus.management.enabled=false
apicurio.storage.kind=kafkasql
apicurio.kafka.common.bootstrap.servers=127.0.0.1:9092
apicurio.kafkasql.bootstrap.servers=127.0.0.1:9092
apicurio.kafkasql.topic=_schemas
apicurio.kafkasql.consumer.poll.timeout=200
apicurio.kafkasql.consumer.enable.auto.commit=false
apicurio.kafkasql.snapshot.every.seconds=off
apicurio.rest.deletion.artifact.enabled=true
apicurio.rest.deletion.artifact-version.enabled=true
END

# failed SERVICE WORDS: shows the end of its log, and ends the build.
failed() {
    tail -n 20 "$work/$1.log" >&2
    echo "$1 $2" >&2
    exit 1
}

export KAFKA_HEAP_OPTS=-Xmx192m LOG_DIR="$work"
"${kafka}bin/kafka-storage.sh" format -t AAAAAAAAAAAAAAAAAAAAAQ -c "$work/node.cfg" \
    > "$work/node.log" 2>&1 || failed node 'cannot be formatted'
"${kafka}bin/kafka-server-start.sh" "$work/node.cfg" > "$work/node.log" 2>&1 &
node=$!
for _ in $(seq 600); do
    if nc -z 127.0.0.1 9092; then break; fi
    kill -0 $node 2> /dev/null || failed node 'does not start'
    sleep 0.1
done

# shellcheck disable=SC2086
(cd "$work" && exec java $flags -Xmx256m "-XX:ArchiveClassesAtExit=$home/cds/registry.jsa" \
    "-Dquarkus.config.locations=$work/registry.properties" "@$home/classpath.args" \
    io.quarkus.runner.GeneratedMain) > "$work/registry.log" 2>&1 &
registry=$!
api=http://127.0.0.1:8081/apis/ccompat/v7
for _ in $(seq 900); do
    if curl -sf "$api/subjects" > /dev/null; then break; fi
    kill -0 $registry 2> /dev/null || failed registry 'does not start'
    sleep 0.1
done

# ask STATUS METHOD PATH [BODY]: asks the registry, which has to answer with this status.
ask() {
    said=$(curl -s -o "$work/answer" -w '%{http_code}' -X "$2" -H 'Content-Type: application/json' \
        ${4:+--data "$4"} "$api$3")
    [ "$said" = "$1" ] || { cat "$work/answer" >&2; failed registry "answers $2 $3 with $said"; }
}
field='{\"name\":\"a\",\"type\":\"long\"}'
schema() { # schema FIELDS: the body that registers a record with them
    echo '{"schema":"{\"type\":\"record\",\"name\":\"Seed\",\"fields\":['"$1"']}"}'
}
ask 200 PUT /config '{"compatibility":"BACKWARD"}'
ask 200 POST /subjects/seed-value/versions "$(schema "$field")"
ask 200 POST /subjects/seed-value/versions \
    "$(schema "$field"',{\"name\":\"b\",\"type\":\"string\",\"default\":\"\"}')"
ask 409 POST /subjects/seed-value/versions \
    "$(schema "$field"',{\"name\":\"c\",\"type\":\"string\"}')"
ask 200 POST '/compatibility/subjects/seed-value/versions/latest?verbose=true' "$(schema "$field")"
ask 200 POST /subjects/seed-value "$(schema "$field")"
ask 200 GET /subjects/seed-value/versions/latest
ask 200 GET /config
ask 200 DELETE /subjects/seed-value

kill $registry
status=0
wait $registry || status=$?
[ $status -eq 143 ] || failed registry "ended with $status"
kill $node
wait $node || true
[ -s "$home/cds/registry.jsa" ] || failed registry 'left no archive'
chmod 0644 "$home/cds/registry.jsa"
rm -rf "$work"
