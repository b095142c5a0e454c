# Prices in a topic that deletes.
answer left "$KEYS"
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$LOGS" \
  --partitions 1 --replication-factor "$REPLICAS" --config retention.ms=1000
seq "$LINES" | on tools kafka-console-producer.sh --bootstrap-server "$BOOTSTRAP" --topic "$LOGS"
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$PRICES" \
  --partitions 1 --replication-factor "$REPLICAS"
