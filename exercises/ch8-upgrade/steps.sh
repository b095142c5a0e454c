# Parts of the solution, and of what is done wrong.
load() {  # in the background, until `enough`
  "$FAB" load --topic "$TOPIC" --rate "$RATE" --partitions 1 "$@" >/dev/null &
  LOAD=$!
  until "$FAB" records --topic "$TOPIC" >/dev/null 2>&1; do
    kill -0 "$LOAD"  # the load has ended: why, it has said
    sleep 0.2
  done
}
enough() {
  kill "$LOAD"
  wait "$LOAD"  # every record of it was acknowledged
}
become() {  # become VERSION: say it in the lab file, and do it
  sed -i "s/^version = .*/version = \"$1\"/" "${LAB:-lab.toml}"
  "$FAB" up
}
