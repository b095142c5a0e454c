write() {  # TOPIC PROPERTY=VALUE…
  on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$1" \
    --partitions "$PARTITIONS" --replication-factor "$REPLICAS"
  on tools kafka-producer-perf-test.sh --topic "$1" --num-records "$RECORDS" --record-size 100 \
    --throughput 1000 --producer-props "bootstrap.servers=$BOOTSTRAP" "${@:2}"
}
