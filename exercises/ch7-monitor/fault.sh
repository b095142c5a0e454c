# Three topics, and a broker that is away: one topic has two replicas only, and one of them there.
# Also where an earlier run was cut off: it begins with a broker that runs.
. "$FOLDER/steps.sh"
on "$HOST" sudo systemctl start kafka
other=$((BROKEN % 3 + 1))
for topic in "$BILLS" "$CARTS" "$TRIPS"; do
  where=(--partitions 3 --replication-factor 3)
  [ "$topic" != "$SHORT" ] || where=(--replica-assignment "$BROKEN:$other,$other:$BROKEN,$BROKEN:$other")
  on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --if-not-exists \
    --topic "$topic" "${where[@]}" --config min.insync.replicas=2
done
all_in_sync
on "$HOST" sudo systemctl stop kafka
