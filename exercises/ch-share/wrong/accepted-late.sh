# Written before the group is there, which begins behind that.
. "$FOLDER/steps.sh"
make
write
worker a --spoiled "$SPOILED"
begun
