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
begin() {  # make the topics, and let the group begin where they do
  make
  on tools kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --alter --entity-type groups \
    --entity-name "$GROUP" --add-config share.auto.offset.reset=earliest
}
write() {  # each in a batch of its own: a batch is lent as a whole
  seq "$RECORDS" | on tools kcat -P -b "$BOOTSTRAP" -t "$TOPIC" -X batch.num.messages=1
}
seen() { timeout 90 "$FAB" exercise.check "$EXERCISE" --watch --claim "$1" >/dev/null; }
