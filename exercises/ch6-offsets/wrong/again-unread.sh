# It dies, and nobody goes on: what it had committed is all that the group knows.
. "$FOLDER/steps.sh"
begin
answer twice "$MORE"
crash
