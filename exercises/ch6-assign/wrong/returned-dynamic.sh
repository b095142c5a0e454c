# b comes back as somebody else.
. "$FOLDER/steps.sh"
answer static 0
for name in a b; do
  member "$STATIC" "$name"
  given "$name"
done
kill "${members[1]}"
wait "${members[1]}" || true
unset 'members[1]'
member "$STATIC" b
given b
end
