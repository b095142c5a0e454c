# Parts of the solution, and of what is done wrong.
make() {  # make KAFKA-TOPICS-OPTION…: where its replicas are
  on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$TOPIC" "$@"
}
pairs() {  # partitions on brokers 1 and 2, in turns
  printf '1:2,2:1,%.0s' $(seq "$HALF") | sed 's/,$//'
}
write() {
  on tools kafka-producer-perf-test.sh --topic "$TOPIC" --num-records "$RECORDS" --record-size 1000 \
    --throughput -1 --producer-props "bootstrap.servers=$BOOTSTRAP" >/dev/null
}
