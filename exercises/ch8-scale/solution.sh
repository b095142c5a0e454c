. "$FOLDER/steps.sh"
make --replica-assignment "$(pairs)"
write
check
answer copies $((ALL / BROKERS))
"$FAB" kafka.balance --datacenter "$DATACENTER" --rate 50
