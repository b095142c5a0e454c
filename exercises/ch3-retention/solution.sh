answer left "$KEYS"
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$LOGS" \
  --partitions 1 --replication-factor "$REPLICAS" --config retention.ms=1000
seq "$LINES" | on tools kafka-console-producer.sh --bootstrap-server "$BOOTSTRAP" --topic "$LOGS"
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$PRICES" \
  --partitions 1 --replication-factor "$REPLICAS" --config cleanup.policy=compact \
  --config segment.ms=100 --config min.cleanable.dirty.ratio=0.01
write() {
  on tools kafka-console-producer.sh --bootstrap-server "$BOOTSTRAP" --topic "$PRICES" \
    --property parse.key=true --property key.separator=:
}
for round in $(seq "$ROUNDS"); do
  for key in $(seq "$KEYS"); do echo "key$key:$round"; done
done | write
# Each producer takes longer to start than segment.ms, so its records begin a new segment.
for key in $(seq 2 "$KEYS"); do echo "key$key:$ROUNDS"; done | write
echo "key1:$LAST" | write
