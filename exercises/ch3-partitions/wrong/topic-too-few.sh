# One partition less than asked for.
answer partition 1
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$TOPIC" \
  --partitions $((PARTITIONS - 1)) --replication-factor "$REPLICAS"
