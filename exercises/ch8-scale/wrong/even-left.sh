# Nothing is moved, as a cluster that was given a broker is often left.
. "$FOLDER/steps.sh"
make --replica-assignment "$(pairs)"
write
answer copies $((ALL / BROKERS))
