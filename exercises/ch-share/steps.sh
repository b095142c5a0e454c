# Workers run on this machine; whatever happens, none of them stays.
workers=()
trap 'kill "${workers[@]}" 2>/dev/null || true; wait' EXIT
worker() {  # worker NAME …
  BOOTSTRAP=$OUTSIDE "$PYTHON" "$FOLDER/worker.py" "$1" --group "$GROUP" "${@:2}" >/dev/null &
  workers+=($!)
}
make() {
  for topic in "$TOPIC" "$JOURNAL"; do
    on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$topic" --partitions 1
  done
}
begun() {  # the group has a place in the topic where it begins
  until on tools kafka-share-groups.sh --bootstrap-server "$BOOTSTRAP" --describe --group "$GROUP" |
    grep -qE " $TOPIC +0 +[0-9]"; do :; done
}
write() { seq "$RECORDS" | on tools kcat -P -b "$BOOTSTRAP" -t "$TOPIC" -X batch.num.messages=1; }
seen() { timeout 90 "$FAB" exercise.check "$EXERCISE" --watch --claim "$1" >/dev/null; }
