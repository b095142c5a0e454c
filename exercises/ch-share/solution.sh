. "$FOLDER/steps.sh"
make
answer workers-too 2
answer deliveries 5
worker a --spoiled "$SPOILED"
worker b --spoiled "$SPOILED"
begun
write
seen accepted
seen given-up
