# Idempotence is off where it should be on.
. "$FOLDER/steps.sh"
create "$SAFE"
retry "$SAFE" --producer-property enable.idempotence=false
