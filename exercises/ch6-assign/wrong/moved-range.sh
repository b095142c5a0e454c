# The default strategy where another one was asked for.
. "$FOLDER/steps.sh"
answer cooperative $((ALL / 3))
for name in a b c; do
  member "$COOPERATIVE" "$name"
  given "$name"
done
end
