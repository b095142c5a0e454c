# Killed and started again, without transactions.
. "$FOLDER/steps.sh"
answer uncommitted "$ALL"
relay "$EXACT" --die-after "$DIED" || true
relay "$EXACT"
