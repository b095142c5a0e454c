# Another name beside the right ones harms nobody.
. "$FOLDER/steps.sh"
answer says mismatch
show "$GOOD" "${names[@]}"
check
show "$day" "$OLD" "${names[@]}"
check
