. "$FOLDER/steps.sh"
seen
answer broker "$HOST"
answer topic "$SHORT"
on "$HOST" sudo systemctl start kafka
all_in_sync
say "$SHORT"
