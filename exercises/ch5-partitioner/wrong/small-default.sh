# batch.size stays what it is by default, 16384.
. "$FOLDER/steps.sh"
write "$SMALL" "linger.ms=$LINGER"
