# Idempotence is on, as it is by default.
. "$FOLDER/steps.sh"
create "$PLAIN"
retry "$PLAIN"
