# The size is set when the records are there already.
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$TOPIC" \
  --partitions 1 --replication-factor "$REPLICAS"
on tools kafka-producer-perf-test.sh --topic "$TOPIC" --num-records "$RECORDS" \
  --record-size 1000 --throughput -1 --producer-props "bootstrap.servers=$BOOTSTRAP" acks=all
on tools kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --alter --topic "$TOPIC" \
  --add-config "segment.bytes=$SEGMENT"
answer file 00000000000000000000.log
