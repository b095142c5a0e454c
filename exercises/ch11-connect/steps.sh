# rest METHOD PATH [BODY]: asks a worker, again while it hands out connectors.
# lines FIRST LAST: adds lines to the file. there: how many are in the topic.
rest() {
  until on "$CONNECT_HOST" curl -sf -X "$1" -H 'Content-Type: application/json' \
    ${3:+-d "$3"} "$CONNECT_URL$2" >/dev/null; do sleep 1; done
}
make_source() {
  rest PUT "/connectors/$1/config" "{\"connector.class\": \"FileStreamSource\",
    \"tasks.max\": \"$TASKS\", \"file\": \"$INBOX\", \"topic\": \"$TOPIC\",
    \"value.converter\": \"org.apache.kafka.connect.storage.StringConverter\"}"
}
make_sink() {
  rest PUT "/connectors/$SINK/config" "{\"connector.class\": \"FileStreamSink\",
    \"file\": \"$OUTBOX\", \"topics\": \"$TOPIC\",
    \"value.converter\": \"org.apache.kafka.connect.storage.StringConverter\"}"
  # Until it has committed: before that there is no group.
  until on "$CONNECT_HOST" curl -sf "$CONNECT_URL/connectors/$SINK/offsets" \
    | grep -q kafka_offset; do sleep 1; done
}
lines() { on "$CONNECT_HOST" sh -c "umask 022; seq $1 $2 | sed s/^/$WORD-/ >>$INBOX"; }
there() { on tools kcat -C -q -e -b "$BOOTSTRAP" -t "$TOPIC" | wc -l; }
begin() {
  on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$TOPIC" \
    --partitions 1 --replication-factor "$REPLICAS"
  lines 0 "$FIRST_LAST"
  make_source "$SOURCE"
  until [ "$(there)" = "$FIRST" ]; do sleep 1; done
}
