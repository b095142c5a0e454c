# Straight on: nobody has tried whether there is a way back, and then there is none.
. "$FOLDER/steps.sh"
answer restarts 2
answer back no
load
become "$NEWER"
"$FAB" kafka.finalize
enough
