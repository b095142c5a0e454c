# Written before the group is there, which is not told where to begin.
. "$FOLDER/steps.sh"
make
write
worker a --spoiled "$SPOILED"
until on tools kafka-share-groups.sh --bootstrap-server "$BOOTSTRAP" --describe --members \
  --group "$GROUP" | grep -q "$TOPIC:0"; do :; done
