answer unclean "$RECORDS"
answer clean 0
answer refused 0
answer fast "$RECORDS"
create() {  # TOPIC SETTING=VALUE…
  on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$1" \
    --replica-assignment 1:2 "${@:2}"
}
create "$UNCLEAN" --config min.insync.replicas=1 --config unclean.leader.election.enable=true
create "$CLEAN" --config min.insync.replicas=1
create "$REFUSED" --config min.insync.replicas=2 --config unclean.leader.election.enable=true
create "$FAST" --config min.insync.replicas=1
seen() { timeout 60 "$FAB" exercise.check "$EXERCISE" --watch --claim "$1" >/dev/null; }
write() {  # TOPIC OPTION…
  seq 0 "$LAST" | on tools kafka-console-producer.sh --bootstrap-server "$BOOTSTRAP" --topic "$@"
}
# systemd would start it again after two seconds.
die() {
  on "$BROKER_1" bash -c "sudo systemctl kill --signal=KILL kafka; sudo systemctl stop kafka"
}
# Only broker 1 is in sync; it dies, and broker 2 comes back.
on "$BROKER_2" sudo systemctl stop kafka
write "$UNCLEAN" --producer-property acks=all
write "$CLEAN" --producer-property acks=all
write "$REFUSED" --producer-property acks=all || true
die
on "$BROKER_2" sudo systemctl start kafka
seen unclean-cut
seen clean-waits
on "$BROKER_1" sudo systemctl start kafka
in_sync() {
  on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --describe --topic "$1" |
    grep -q "Leader: $2.*Isr: [12],[12]"
}
until in_sync "$FAST" 1; do :; done
# Broker 2 is in sync, and stands still while broker 1 acknowledges and dies.
on "$BROKER_2" sudo systemctl kill --signal=STOP kafka
sleep 1  # what broker 2 asked for before is answered by then (replica.fetch.wait.max.ms, 0.5 s)
seq 0 "$LAST" | on tools kcat -P -b "$BOOTSTRAP" -t "$FAST" -X acks=1
die
on "$BROKER_2" sudo systemctl kill --signal=CONT kafka
seen fast-cut
on "$BROKER_1" sudo systemctl start kafka
for topic in "$UNCLEAN" "$CLEAN" "$FAST"; do until in_sync "$topic" '[12]'; do :; done; done
