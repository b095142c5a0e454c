# All is written with version 1.
. "$FOLDER/steps.sh"
answer id same
answer old without
make_topic
write 0 "$LAST"
make_sink
come "$RECORDS"
