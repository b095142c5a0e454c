# Nothing is said of the second question.
. "$FOLDER/steps.sh"
answer added with
register "$(record)"
register "$(record "$(optional "$MORE")")"
level FORWARD
register "$(record "$(optional "$MORE")" "$(bare "$MUST")")"
