# Parts of the solution, and of what is done wrong.
quorum() { on tools kafka-metadata-quorum.sh --bootstrap-server "$BOOTSTRAP" describe "$@"; }
make() {
  for topic in "$TOPIC:$PARTITIONS" "$NOTES:1"; do
    on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "${topic%:*}" \
      --partitions "${topic#*:}"
  done
}
alter() {  # alter NAME=VALUE[,NAME=VALUE]
  on tools kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --alter --topic "$TOPIC" --add-config "$1"
}
offset() {  # of the record that made the topic
  on "$BROKER_1" bash -c 'kafka-dump-log.sh --cluster-metadata-decoder --files \
    "$(ls /data/kafka-logs/__cluster_metadata-0/*.log | paste -sd ,)"' |
    sed -n "/\"TOPIC_RECORD\".*\"$TOPIC\"/s/.* offset: \([0-9]*\) .*/\1/p" | tail -n 1
}
note() {  # a note a line on standard input
  on tools kafka-console-producer.sh --bootstrap-server "$BOOTSTRAP" --topic "$NOTES" \
    --property parse.key=true --property key.separator=:
}
