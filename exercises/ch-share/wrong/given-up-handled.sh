# Both workers take the spoiled record for a good one.
. "$FOLDER/steps.sh"
make
worker a
worker b
begun
write
seen workers
