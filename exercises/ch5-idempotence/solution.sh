answer plain 2
answer idempotent 1
. "$FOLDER/steps.sh"
create "$PLAIN"
create "$SAFE"
retry "$PLAIN" --producer-property enable.idempotence=false
retry "$SAFE"
