# The second source has another name, so it begins with the first line.
. "$FOLDER/steps.sh"
answer tasks 1
begin
answer again next
rest DELETE "/connectors/$SOURCE"
lines "$FIRST" "$LAST"
make_source "$SOURCE-2"
until [ "$(there)" = "$((FIRST + LINES))" ]; do sleep 1; done
make_sink
