# Nothing is said of where it goes on.
. "$FOLDER/steps.sh"
answer tasks 1
begin
rest DELETE "/connectors/$SOURCE"
lines "$FIRST" "$LAST"
make_source "$SOURCE"
until [ "$(there)" = "$LINES" ]; do sleep 1; done
make_sink
