# Once the level is FORWARD, nobody asks for a default any more.
. "$FOLDER/steps.sh"
answer added without
answer forward taken
register "$(record)"
level FORWARD
register "$(record "$(bare "$MORE")")"
register "$(record "$(bare "$MORE")" "$(bare "$MUST")")"
