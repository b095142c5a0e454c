. "$FOLDER/steps.sh"
answer restarts 2
answer back no
load
become "$NEWER"
become "$OLDER"
check
become "$NEWER"
"$FAB" kafka.finalize
enough
