. "$FOLDER/steps.sh"
begin
answer twice "$MORE"
crash
handle -e
answer next $((RECORDS - BACK))
on tools kafka-consumer-groups.sh --bootstrap-server "$BOOTSTRAP" --group "$GROUP" --topic "$TOPIC" \
  --reset-offsets --shift-by "-$BACK" --execute
