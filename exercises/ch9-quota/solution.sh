. "$FOLDER/steps.sh"
answer refused 0
make "$TOPIC"
make "$OTHER"
limit "$RATE"
write "$TOPIC" "$CLIENT"
write "$OTHER" somebody
