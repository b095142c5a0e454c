# The load has ended before the brokers restart.
. "$FOLDER/steps.sh"
answer restarts 2
answer back yes
load
enough
become "$NEWER"
