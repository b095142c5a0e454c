# All is seen, and the broker is left with the wrong name.
. "$FOLDER/steps.sh"
answer says mismatch
show "$GOOD" "${names[@]}"
check
show "$day" "$OLD"
check
