# Nothing is said of the old documents.
. "$FOLDER/steps.sh"
answer id same
make_topic
write 0 "$FIRST_LAST"
make_sink
come "$FIRST"
write "$FIRST" "$LAST" "$(optional "$FIELD")"
come "$RECORDS"
