. "$FOLDER/steps.sh"
answer added with
answer forward taken
register "$(record)"
# Without a default it is refused.
if register "$(record "$(bare "$MORE")")"; then exit 1; fi
register "$(record "$(optional "$MORE")")"
level FORWARD
register "$(record "$(optional "$MORE")" "$(bare "$MUST")")"
