# Each setting by a command of its own.
. "$FOLDER/steps.sh"
make
alter "retention.ms=$RETENTION"
alter "segment.bytes=$SEGMENT"
