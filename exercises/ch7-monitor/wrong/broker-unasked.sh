# It is mended, but nobody says what it was.
. "$FOLDER/steps.sh"
seen
answer topic "$SHORT"
on "$HOST" sudo systemctl start kafka
all_in_sync
say "$SHORT"
