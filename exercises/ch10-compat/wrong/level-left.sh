# The level stays as it was, so that the last field has to have a default.
. "$FOLDER/steps.sh"
answer added with
answer forward refused
register "$(record)"
register "$(record "$(optional "$MORE")")"
register "$(record "$(optional "$MORE")" "$(optional "$MUST")")"
