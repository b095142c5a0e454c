# write FIRST LAST: records with one key. there: how many of them are in the copy.
write() { seq "$1" "$2" | sed "s/^/$ITEM:/" | on tools kcat -P -K: -b "$BOOTSTRAP" -t "$TOPIC"; }
there() { on tools kcat -C -q -e -b "$TARGET_BOOTSTRAP" -t "$COPY" 2>/dev/null | wc -l; }
