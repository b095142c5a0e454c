# Parts of the solution, and of what is done wrong.
hold() { on "$BROKER_1" sudo systemctl kill --signal=STOP kafka; }
go_on() { on "$BROKER_1" sudo systemctl kill --signal=CONT kafka; }
trap go_on EXIT
create() {
  on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$1" \
    --replica-assignment 1 --config message.timestamp.type=LogAppendTime
}
written() { on tools kcat -b "$BOOTSTRAP" -C -e -q -t "$1" -o beginning | wc -l; }
# A producer whose broker stands still from its second line on, until it says that it tries again.
retry() {  # TOPIC OPTION…
  said=$(mktemp)
  {
    echo first
    until [ "$(written "$1")" = 1 ]; do :; done
    hold >&2
    seq "$LINES"
    until grep -q retrying "$said"; do sleep 0.1; done
    go_on >&2
  } | on tools kafka-console-producer.sh --bootstrap-server "$BOOTSTRAP" --topic "$@" 2>"$said"
  rm "$said"
}
