# A producer without a transactional id.
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$TOPIC" --partitions 1 \
  --replication-factor "$REPLICAS"
seq "$GOOD" | on tools kafka-console-producer.sh --bootstrap-server "$BOOTSTRAP" --topic "$TOPIC"
