# linger.ms is given to the other one.
. "$FOLDER/steps.sh"
write "$STICKY_NONE" "linger.ms=$LINGER"
write "$STICKY" linger.ms=0
