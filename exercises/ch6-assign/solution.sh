. "$FOLDER/steps.sh"

answer most $((PARTITIONS + 1))
answer eager "$ALL"
member "$RANGE" a
member "$RANGE" b
seen range
member "$RANGE" c
seen joined
end

for _ in 1 2; do
  on tools kafka-console-consumer.sh --bootstrap-server "$BOOTSTRAP" --include "$CARTS|$BILLS" \
    --group "$STICKY" --consumer-property \
    partition.assignment.strategy=org.apache.kafka.clients.consumer.StickyAssignor >/dev/null 2>&1 &
done
seen sticky
on tools pkill -INT -f "[-]-group $STICKY"

answer cooperative $((ALL / 3))
for name in a b c; do
  member "$COOPERATIVE" "$name" --strategy cooperative-sticky
  given "$name"
done
seen moved
end

answer static 0
for name in a b; do
  member "$STATIC" "$name" --static
  given "$name"
done
kill "${members[1]}"
wait "${members[1]}" || true
unset 'members[1]'
member "$STATIC" b --static
seen returned
end
