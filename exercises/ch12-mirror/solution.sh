. "$FOLDER/steps.sh"
answer name "$COPY"
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$TOPIC" \
  --partitions "$PARTITIONS" --replication-factor "$REPLICAS"
# Until the other cluster has it: kcat lists its partitions.
until on tools kcat -L -b "$TARGET_BOOTSTRAP" | grep -q "topic \"$COPY\" with"; do sleep 1; done
answer partition same
answer offset later
write 1 "$FIRST"
until [ "$(there)" = "$FIRST" ]; do sleep 1; done
write "$FIRST_NEXT" "$RECORDS"
