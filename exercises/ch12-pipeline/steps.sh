# A schema is a file, which write.py registers before it writes.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
schema() {  # [FIELD…]: with these behind id and grams
  printf '{"type":"record","name":"Parcel","fields":['
  printf '{"name":"id","type":"string"},{"name":"grams","type":"long"}'
  [ $# = 0 ] || printf ',%s' "$@"
  printf ']}'
}
optional() { printf '{"name":"%s","type":"string","default":""}' "$1"; }
write() {  # FIRST LAST [FIELD…]
  schema "${@:3}" >"$work/parcel.avsc"
  BOOTSTRAP=$OUTSIDE "$PYTHON" "$FOLDER/write.py" "$1" "$2" --schema "$work/parcel.avsc" \
    --topic "$TOPIC" --registry "$REGISTRY_HERE"
}
make_topic() {
  on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$TOPIC" \
    --partitions 1 --replication-factor "$REPLICAS"
}
make_sink() {  # [CONVERTER'S SETTINGS]
  local read=${1:-"\"value.converter\": \"kafkalab.avro.AvroConverter\",
    \"value.converter.schema.registry.url\": \"$REGISTRY\""}
  until on "$CONNECT_HOST" curl -sf -X PUT -H 'Content-Type: application/json' -o /dev/null \
    "$CONNECT_URL/connectors/$SINK/config" -d "{\"connector.class\": \"$INDEX_CLASS\",
    \"connection.url\": \"$STORE\", \"topics\": \"$COPY\", \"key.ignore\": \"true\",
    \"key.converter\": \"org.apache.kafka.connect.storage.StringConverter\", $read,
    \"errors.tolerance\": \"all\", \"errors.retry.timeout\": \"-1\", \"consumer.override.metadata.max.age.ms\": \"5000\"}"
  do sleep 1; done
}
found() { curl -s "$STORE_HERE/$COPY/_count" | grep -o '"count":[0-9]*' || echo none; }
come() { until [ "$(found)" = "\"count\":$1" ]; do sleep 1; done; }
