# The members of the second group speak the classic protocol, too.
. "$FOLDER/steps.sh"
make
answer next no
pair "$NEW" "$NEXT" 0
end
