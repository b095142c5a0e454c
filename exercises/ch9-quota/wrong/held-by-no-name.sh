# The quota is there, and the producer says another name.
. "$FOLDER/steps.sh"
answer refused 0
make "$TOPIC"
make "$OTHER"
limit "$RATE"
write "$TOPIC" somebody
write "$OTHER" somebody
