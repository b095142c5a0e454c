# The broker answers all the time: nothing is sent twice.
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$SAFE" \
  --replica-assignment 1 --config message.timestamp.type=LogAppendTime
seq "$LINES" | on tools kafka-console-producer.sh --bootstrap-server "$BOOTSTRAP" --topic "$SAFE"
