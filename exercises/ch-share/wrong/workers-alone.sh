# One worker, as in a consumer group of a topic with one partition.
. "$FOLDER/steps.sh"
begin
worker a --spoiled "$SPOILED"
write
seen accepted
