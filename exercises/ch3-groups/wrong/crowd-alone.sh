# One member alone reads everything.
answer idle "$IDLE"
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$TOPIC" \
  --partitions "$PARTITIONS" --replication-factor "$REPLICAS"
seq "$RECORDS" | on tools kafka-console-producer.sh --bootstrap-server "$BOOTSTRAP" --topic "$TOPIC"
on tools timeout --signal INT 8 kcat -q -b "$BOOTSTRAP" -X auto.offset.reset=earliest \
  -G "$GROUP" "$TOPIC" >/dev/null 2>&1 &
timeout 7 "$FAB" exercise.check "$EXERCISE" --watch >/dev/null || true
wait || true
