# Both workers take the spoiled record for a good one.
. "$FOLDER/steps.sh"
begin
worker a
worker b
write
seen workers
