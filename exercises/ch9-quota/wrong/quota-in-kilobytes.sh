# A quota is in bytes.
. "$FOLDER/steps.sh"
make "$TOPIC"
limit "$((RATE / 1000))"
