# The offset of a partition's record, which comes after that of the topic.
. "$FOLDER/steps.sh"
make
echo "offset:$(($(offset) + 1))" | note
