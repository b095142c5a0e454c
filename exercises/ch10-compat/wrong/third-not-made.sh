# The level changes, and nothing makes use of it.
. "$FOLDER/steps.sh"
answer added with
answer forward taken
register "$(record)"
register "$(record "$(optional "$MORE")")"
level FORWARD
