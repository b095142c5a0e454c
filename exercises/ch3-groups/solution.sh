answer idle "$IDLE"
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$TOPIC" \
  --partitions "$PARTITIONS" --replication-factor "$REPLICAS"
seq "$RECORDS" | on tools kafka-console-producer.sh --bootstrap-server "$BOOTSTRAP" --topic "$TOPIC"
# They read for 15 s, and leave the group when they are ended.
for _ in $(seq "$MEMBERS"); do
  on tools timeout --signal INT 15 kcat -q -b "$BOOTSTRAP" -X auto.offset.reset=earliest \
    -G "$GROUP" "$TOPIC" >/dev/null 2>&1 &
done
# Until all of them are in the group.
timeout 14 "$FAB" exercise.check "$EXERCISE" --watch --claim crowd >/dev/null
wait
on tools kafka-consumer-groups.sh --bootstrap-server "$BOOTSTRAP" --group "$GROUP" --topic "$TOPIC" \
  --reset-offsets --to-earliest --execute
