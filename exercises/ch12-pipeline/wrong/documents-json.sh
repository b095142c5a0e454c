# The sink takes what comes for JSON: nothing is a document, and it goes on all the same.
. "$FOLDER/steps.sh"
answer id same
answer old without
make_topic
write 0 "$FIRST_LAST"
make_sink '"value.converter": "org.apache.kafka.connect.json.JsonConverter",
  "value.converter.schemas.enable": "false"'
write "$FIRST" "$LAST" "$(optional "$FIELD")"
