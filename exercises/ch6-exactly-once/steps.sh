for topic in "$TOPIC" "$PLAIN" "$EXACT"; do
  on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$topic" \
    --partitions 1 --replication-factor "$REPLICAS"
done
seq -f pay%g 0 "$LAST" | on tools kcat -P -b "$BOOTSTRAP" -t "$TOPIC"
# relay TO …: it is killed in the first run, and ends by itself in the second.
relay() { BOOTSTRAP=$OUTSIDE "$PYTHON" "$FOLDER/relay.py" "$TOPIC" "$1" --group "$1" --batch "$BATCH" "${@:2}"; }
