# Nothing takes the lines out of the topic.
. "$FOLDER/steps.sh"
answer tasks 1
begin
answer again next
rest DELETE "/connectors/$SOURCE"
lines "$FIRST" "$LAST"
make_source "$SOURCE"
until [ "$(there)" = "$LINES" ]; do sleep 1; done
