# Balanced, and nothing predicted.
. "$FOLDER/steps.sh"
make --replica-assignment "$(pairs)"
check
"$FAB" kafka.balance --datacenter "$DATACENTER" --rate 50
