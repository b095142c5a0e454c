# The right is there, and the client says another group.
. "$FOLDER/steps.sh"
answer refused group
fill "$TOPIC"
refused "$TOPIC"
grant --topic "$TOPIC"
refused "$TOPIC"
grant --group "$GROUP"
GROUP=another
refused "$TOPIC"
