# One worker, as in a consumer group of a topic with one partition.
. "$FOLDER/steps.sh"
make
worker a --spoiled "$SPOILED"
begun
write
seen accepted
