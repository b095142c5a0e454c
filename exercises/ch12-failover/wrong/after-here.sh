# The application goes on writing where the group does not read any more.
. "$FOLDER/steps.sh"
lost
make "$TARGET_TOOLS_HOST" "$TARGET_BOOTSTRAP"
seq -f trade%g "$HERE" "$ALL_LAST" | here -P -t "$TOPIC"
settle earliest
