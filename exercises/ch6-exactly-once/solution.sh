. "$FOLDER/steps.sh"
answer twice "$PART"
relay "$PLAIN" --die-after "$DIED" || true
relay "$PLAIN"
answer uncommitted "$ALL"
relay "$EXACT" --exactly-once --die-after "$DIED" || true
relay "$EXACT" --exactly-once
