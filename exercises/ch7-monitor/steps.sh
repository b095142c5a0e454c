# BROKEN: the number of the broker that is stopped. SHORT: the topic that takes no writes then.
host=BROKER_$BROKEN
HOST=${!host}
in_sync() {  # TOPIC: wait until none of its replicas is missing
  until on tools kcat -L -b "$BOOTSTRAP" -t "$1" \
    | sed -n 's/.* replicas: \([0-9,]*\), isrs: \([0-9,]*\).*/\1 \2/p' \
    | awk 'length($1) != length($2) { short = 1 } END { exit short || !NR }'; do sleep 0.5; done
}
all_in_sync() { for topic in "$BILLS" "$CARTS" "$TRIPS"; do in_sync "$topic"; done; }
seen() {  # until Prometheus says so; `fab alerts` ends with 1 then
  until { "$FAB" alerts || true; } | grep -c "KafkaBrokerDown.*$HOST" >/dev/null; do sleep 0.5; done
}
say() {  # TOPIC: the record that is asked for
  echo mended | on tools kafka-console-producer.sh --bootstrap-server "$BOOTSTRAP" --topic "$1" \
    --producer-property acks=all
}
