# Records with all brokers there.
answer writes yes
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$TOPIC" \
  --partitions 1 --replication-factor 3 --config min.insync.replicas=2
seq "$RECORDS" | on tools kafka-console-producer.sh --bootstrap-server "$BOOTSTRAP" \
  --topic "$TOPIC" --producer-property acks=all
