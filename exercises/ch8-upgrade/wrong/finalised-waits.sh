# There, back and there again, and left so.
. "$FOLDER/steps.sh"
answer restarts 1
answer back no
load
become "$NEWER"
become "$OLDER"
become "$NEWER"
enough
