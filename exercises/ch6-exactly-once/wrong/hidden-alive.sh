# In transactions, and never killed: nothing is aborted.
. "$FOLDER/steps.sh"
answer uncommitted "$ALL"
relay "$EXACT" --exactly-once
