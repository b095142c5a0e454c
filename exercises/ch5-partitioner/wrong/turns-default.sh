# The partitioner's class is forgotten.
. "$FOLDER/steps.sh"
write "$ROBIN" "linger.ms=$LINGER"
