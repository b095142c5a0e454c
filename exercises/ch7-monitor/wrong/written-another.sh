# A topic that lacks a replica, too, but took writes all the time.
. "$FOLDER/steps.sh"
seen
answer broker "$HOST"
answer topic "$SHORT"
on "$HOST" sudo systemctl start kafka
all_in_sync
for topic in "$BILLS" "$CARTS"; do
  [ "$topic" = "$SHORT" ] || say "$topic"
done
