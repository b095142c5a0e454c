# A run is repeated into the same topic.
. "$FOLDER/steps.sh"
write "$STICKY_NONE" linger.ms=0
on tools kafka-producer-perf-test.sh --topic "$STICKY_NONE" --num-records 10 --record-size 100 \
  --throughput 1000 --producer-props "bootstrap.servers=$BOOTSTRAP" linger.ms=0
