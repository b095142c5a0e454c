# Parts of the solution, and of what is done wrong.
make() {  # make TOPIC: one partition, whose log keeps when a record came
  on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$1" --partitions 1 \
    --config message.timestamp.type=LogAppendTime
}
limit() {  # limit RATE: of the client with the quota, in bytes a second
  on tools kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --alter --entity-type clients \
    --entity-name "$CLIENT" --add-config "producer_byte_rate=$1"
}
write() {  # write TOPIC CLIENT-ID
  on tools kafka-producer-perf-test.sh --topic "$1" --num-records "$RECORDS" --record-size 1000 \
    --throughput -1 --producer-props "bootstrap.servers=$BOOTSTRAP" "client.id=$2" >/dev/null
}
