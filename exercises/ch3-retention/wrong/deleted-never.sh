# The broker's own retention, a week.
answer left "$KEYS"
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$LOGS" \
  --partitions 1 --replication-factor "$REPLICAS"
seq "$LINES" | on tools kafka-console-producer.sh --bootstrap-server "$BOOTSTRAP" --topic "$LOGS"
