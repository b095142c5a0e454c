# Everything read, nothing predicted.
. "$FOLDER/steps.sh"
make
alter "retention.ms=$RETENTION,segment.bytes=$SEGMENT"
echo "offset:$(offset)" | note
