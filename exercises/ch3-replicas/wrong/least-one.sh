# One replica in sync is enough for a write: acknowledged records can be lost.
answer writes yes
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$TOPIC" \
  --partitions 1 --replication-factor 3 --config min.insync.replicas=1
