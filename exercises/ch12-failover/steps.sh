# Parts of the solution, and of what is done wrong.
here() { on tools kcat -b "$BOOTSTRAP" "$@"; }
there() { on "$TARGET_TOOLS_HOST" kcat -b "$TARGET_BOOTSTRAP" "$@"; }
copied() { until [ "$(there -C -q -e -t "$COPY" | wc -l)" = "$1" ]; do sleep 1; done; }
make() {  # make HOST BOOTSTRAP
  for topic in "$TOPIC" "$SETTLED"; do
    on "$1" kafka-topics.sh --bootstrap-server "$2" --create --topic "$topic" --partitions 1
  done
}
lost() {  # everything up to the loss of dc1, and the group moved by hand
  make tools "$BOOTSTRAP"
  until there -L | grep -q "topic \"$COPY\" with"; do sleep 1; done
  seq -f trade%g 0 "$EARLY_LAST" | here -P -t "$TOPIC"
  copied "$EARLY"
  seq -f trade%g "$EARLY" "$BEFORE_LAST" | here -P -t "$TOPIC"
  here -q -u -c "$DONE" -X auto.offset.reset=earliest -G "$GROUP" "$TOPIC" | here -P -t "$SETTLED"
  seq -f trade%g "$BEFORE" "$HERE_LAST" | here -P -t "$TOPIC"
  copied "$HERE"

  # dc1 is lost.
  place=$(there -C -q -e -t "$COPY" -f '%o %s\n' | sed -n "s/ trade$DONE$//p")
  answer place "$place"
  on "$TARGET_TOOLS_HOST" kafka-consumer-groups.sh --bootstrap-server "$TARGET_BOOTSTRAP" \
    --group "$GROUP" --topic "$COPY:0" --reset-offsets --to-offset "$place" --execute
}
settle() {  # settle WHERE-IT-BEGINS: the group works in dc2
  there -q -u -e -X "auto.offset.reset=$1" -G "$GROUP" "$COPY" "$TOPIC" | there -P -t "$SETTLED"
}
