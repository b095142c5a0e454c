# Written before the group is there, which is not told where to begin.
. "$FOLDER/steps.sh"
make
seq "$RECORDS" | on tools kcat -P -b "$BOOTSTRAP" -t "$TOPIC"
worker a --spoiled "$SPOILED"
until on tools kafka-share-groups.sh --bootstrap-server "$BOOTSTRAP" --describe --members \
  --group "$GROUP" | grep -q "$TOPIC:0"; do :; done
