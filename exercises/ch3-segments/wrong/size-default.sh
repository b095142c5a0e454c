# Segments as large as they are by default.
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$TOPIC" \
  --partitions 1 --replication-factor "$REPLICAS"
answer file 00000000000000000000.log
