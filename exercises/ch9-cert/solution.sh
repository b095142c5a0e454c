. "$FOLDER/steps.sh"
answer says mismatch
show "$GOOD" "${names[@]}"
check  # it waits until the certificate has ended
"$FAB" security.rotate
show "$day" "$OLD"
check
"$FAB" security.rotate
