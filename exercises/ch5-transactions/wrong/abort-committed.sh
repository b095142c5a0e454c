# Both are committed.
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$TOPIC" --partitions 1 \
  --replication-factor "$REPLICAS"
transfer() { "$PYTHON" "$FOLDER/transfer.py" "$OUTSIDE" "$TOPIC" "$ID" "$@"; }
transfer commit "$GOOD"
transfer commit "$BAD"
