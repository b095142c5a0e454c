# The epoch in which a partition of the topic is led, not that of the quorum.
. "$FOLDER/steps.sh"
make
echo epoch:0 | note
