# The consumer of the last records ends by itself, and so it commits.
. "$FOLDER/steps.sh"
begin
answer twice 0
handle -e
answer next $((RECORDS - BACK))
on tools kafka-consumer-groups.sh --bootstrap-server "$BOOTSTRAP" --group "$GROUP" --topic "$TOPIC" \
  --reset-offsets --shift-by "-$BACK" --execute
