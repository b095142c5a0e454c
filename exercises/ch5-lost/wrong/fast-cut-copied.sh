# Broker 2 is not held, so it has the records when broker 1 dies.
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$FAST" \
  --replica-assignment 1:2 --config min.insync.replicas=1
seq 0 "$LAST" | on tools kcat -P -b "$BOOTSTRAP" -t "$FAST" -X acks=1
# Readers get what all that are in sync have.
until [ "$(on tools kcat -C -e -q -b "$BOOTSTRAP" -t "$FAST" | wc -l)" = "$RECORDS" ]; do :; done
on "$BROKER_1" bash -c "sudo systemctl kill --signal=KILL kafka; sudo systemctl stop kafka"
until on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --describe --topic "$FAST" |
  grep -q 'Leader: 2'; do :; done
check
on "$BROKER_1" sudo systemctl start kafka
