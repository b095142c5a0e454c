# c comes before the others: nobody had anything that could stop.
. "$FOLDER/steps.sh"
answer most $((PARTITIONS + 1))
answer eager "$ALL"
for name in c a b; do
  member "$RANGE" "$name"
  given "$name"
done
end
