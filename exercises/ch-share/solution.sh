. "$FOLDER/steps.sh"
answer workers-too 2
answer deliveries 5
begin
worker a --spoiled "$SPOILED"
worker b --spoiled "$SPOILED"
write
seen accepted
seen given-up
