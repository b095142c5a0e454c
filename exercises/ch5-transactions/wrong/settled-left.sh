# The program ends without an end of its transaction, which stays open.
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$TOPIC" --partitions 1 \
  --replication-factor "$REPLICAS"
transfer() { "$PYTHON" "$FOLDER/transfer.py" "$OUTSIDE" "$TOPIC" "$ID" "$@"; }
transfer leave "$BAD"
