on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$TOPIC" \
  --partitions 1 --replication-factor "$REPLICAS" --config "segment.bytes=$SEGMENT"
on tools kafka-producer-perf-test.sh --topic "$TOPIC" --num-records "$RECORDS" \
  --record-size 1000 --throughput -1 --producer-props "bootstrap.servers=$BOOTSTRAP" acks=all
leader=$(on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --describe --topic "$TOPIC" |
  sed -n 's/.*Leader: \([0-9]*\).*/\1/p')
host=BROKER_$leader
# The last file whose name is not greater than the offset.
file=$(on "${!host}" ls "/data/kafka-logs/$TOPIC-0" | grep '\.log$' |
  awk -v offset="$OFFSET" '$1 + 0 <= offset' | tail -n 1)
answer file "$file"
