# It is good for a day, so nobody waits long enough to see its end.
. "$FOLDER/steps.sh"
answer says unknown
show "$day" "${names[@]}"
"$FAB" security.rotate
