# Members run on this machine; whatever happens, none of them stays.
members=()
work=$(mktemp -d)
trap 'kill "${members[@]}" 2>/dev/null || true; wait; rm -r "$work"' EXIT
member() {  # member GROUP NAME …
  BOOTSTRAP=$OUTSIDE TOPICS=$CARTS,$BILLS "$PYTHON" "$FOLDER/member.py" "$2" --group "$1" "${@:3}" >"$work/$2" &
  members+=($!)
}
end() { kill "${members[@]}"; wait "${members[@]}" || true; members=(); }
given() { timeout 60 bash -c 'until grep -q assigned "$0"; do sleep 0.2; done' "$work/$1"; }
seen() { timeout 60 "$FAB" exercise.check "$EXERCISE" --watch --claim "$1" >/dev/null; }

for topic in "$CARTS" "$BILLS"; do
  on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$topic" \
    --partitions "$PARTITIONS" --replication-factor "$REPLICAS"
done
