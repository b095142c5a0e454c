# Parts of the solution, and of what is done wrong.
kcat() { on tools kcat -b "$BOOTSTRAP" "$@"; }
handle() { kcat -q -u -X auto.offset.reset=earliest "$@" -G "$GROUP" "$TOPIC" | kcat -P -t "$HANDLED"; }
begin() {  # some records are handled and committed, and more are there
  for topic in "$TOPIC" "$HANDLED"; do
    on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$topic" \
      --partitions 1 --replication-factor "$REPLICAS"
  done
  seq -f click%g 0 "$FIRST_LAST" | kcat -P -t "$TOPIC"
  handle -e
  seq -f click%g "$FIRST" "$LAST" | kcat -P -t "$TOPIC"
}
crash() {
  # Killed when it has read all, long before it would commit: what it read is handled.
  read=$(mktemp)
  on tools timeout -s KILL 90 kafka-console-consumer.sh --bootstrap-server "$BOOTSTRAP" \
    --topic "$TOPIC" --group "$GROUP" --consumer-property auto.commit.interval.ms=600000 \
    --consumer-property session.timeout.ms=6000 >"$read" 2>/dev/null &
  timeout 90 bash -c 'until [ "$(wc -l <"$0")" = "$MORE" ]; do sleep 0.2; done' "$read"
  on tools pkill -KILL -f "[-]-group $GROUP"
  wait
  kcat -P -t "$HANDLED" <"$read"
  rm "$read"
}
