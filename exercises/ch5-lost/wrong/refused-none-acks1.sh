# acks=1 does not ask for min.insync.replicas.
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$REFUSED" \
  --replica-assignment 1:2 --config min.insync.replicas=2 --config unclean.leader.election.enable=true
on "$BROKER_2" sudo systemctl stop kafka
seq 0 "$LAST" | on tools kafka-console-producer.sh --bootstrap-server "$BOOTSTRAP" \
  --topic "$REFUSED" --producer-property acks=1
on "$BROKER_2" sudo systemctl start kafka
