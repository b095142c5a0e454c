# A star is quick, and lets the clerk read the wages, too.
. "$FOLDER/steps.sh"
answer refused group
fill "$TOPIC"
refused "$TOPIC"
grant --topic "$TOPIC"
refused "$TOPIC"
grant --group "*"
grant --topic "*"
read_as_clerk "$TOPIC"
