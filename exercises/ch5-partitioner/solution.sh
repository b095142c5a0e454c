answer fewest sticky
# 61 bytes of header, and 108 for a record of 100 whose offset and time in the batch are small.
answer fit $(( (SIZE - 61) / 108 ))
. "$FOLDER/steps.sh"
robin=partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner
write "$STICKY_NONE" linger.ms=0
write "$ROBIN_NONE" linger.ms=0 "$robin"
write "$STICKY" "linger.ms=$LINGER"
write "$ROBIN" "linger.ms=$LINGER" "$robin"
write "$SMALL" "linger.ms=$LINGER" "batch.size=$SIZE"
