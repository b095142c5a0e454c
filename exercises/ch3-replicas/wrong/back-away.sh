# The broker is left as it is: stopped.
answer writes yes
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$TOPIC" \
  --partitions 1 --replication-factor 3 --config min.insync.replicas=2
host=BROKER_$STOPPED
on "${!host}" sudo systemctl stop kafka
seq "$RECORDS" | on tools kafka-console-producer.sh --bootstrap-server "$BOOTSTRAP" \
  --topic "$TOPIC" --producer-property acks=all
check
