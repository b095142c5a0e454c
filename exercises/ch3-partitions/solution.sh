answer partition 1
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$TOPIC" \
  --partitions "$PARTITIONS" --replication-factor "$REPLICAS"
seq "$RECORDS" | sed "s/^/$CUSTOMER:/" | on tools kafka-console-producer.sh \
  --bootstrap-server "$BOOTSTRAP" --topic "$TOPIC" \
  --property parse.key=true --property key.separator=:
