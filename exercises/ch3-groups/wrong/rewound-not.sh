# All is read and committed, and left so.
answer idle "$IDLE"
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$TOPIC" \
  --partitions "$PARTITIONS" --replication-factor "$REPLICAS"
seq "$RECORDS" | on tools kafka-console-producer.sh --bootstrap-server "$BOOTSTRAP" --topic "$TOPIC"
for _ in $(seq "$MEMBERS"); do
  on tools timeout --signal INT 15 kcat -q -b "$BOOTSTRAP" -X auto.offset.reset=earliest \
    -G "$GROUP" "$TOPIC" >/dev/null 2>&1 &
done
timeout 14 "$FAB" exercise.check "$EXERCISE" --watch --claim crowd >/dev/null
wait
