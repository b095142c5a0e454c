# All is granted before anybody was refused the group, so nobody has seen what was missing.
. "$FOLDER/steps.sh"
answer refused topic
fill "$TOPIC"
grant --topic "$TOPIC"
grant --group "$GROUP"
read_as_clerk "$TOPIC"
