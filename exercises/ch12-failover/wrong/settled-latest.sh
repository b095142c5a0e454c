# The group has no offset in the topic of the other datacenter, and begins at its end.
. "$FOLDER/steps.sh"
lost
make "$TARGET_TOOLS_HOST" "$TARGET_BOOTSTRAP"
seq -f trade%g "$HERE" "$ALL_LAST" | there -P -t "$TOPIC"
settle latest
