# Members run on this machine; whatever happens, none of them stays.
members=()
work=$(mktemp -d)
trap 'kill "${members[@]}" 2>/dev/null || true; wait; rm -r "$work"' EXIT
member() {  # member TOPIC GROUP NAME …
  BOOTSTRAP=$OUTSIDE TOPICS=$1 "$PYTHON" "$FOLDER/../ch6-assign/member.py" "$3" --group "$2" "${@:4}" \
    >"$work/$2-$3" &
  members+=($!)
}
end() { kill "${members[@]}"; wait "${members[@]}" || true; members=(); }
told() { timeout 60 bash -c 'until grep -qE " $1( |$)" "$0"; do sleep 0.1; done' "$work/$1-$2" "$3"; }
seen() { timeout 90 "$FAB" exercise.check "$EXERCISE" --watch --claim "$1" >/dev/null; }
make() {
  for topic in "$OLD" "$NEW"; do
    on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$topic" \
      --partitions "$PARTITIONS"
  done
}
pair() {  # pair TOPIC GROUP BUSY …: a, which is busy with its first record so long, and b
  member "$1" "$2" a --busy "$3" "${@:4}"
  told "$2" a assigned
  member "$1" "$2" b "${@:4}"
  told "$2" b assigned
}
write() {  # write TOPIC: into each partition
  for number in $(seq 0 $((PARTITIONS - 1))); do
    echo "$number" | on tools kcat -P -b "$BOOTSTRAP" -t "$1" -p "$number"
  done
}
