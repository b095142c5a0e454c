# Parts of the solution, and of what is done wrong.
fill() {  # fill TOPIC
  on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$1" --partitions 1
  seq "$RECORDS" | on tools kafka-console-producer.sh --bootstrap-server "$BOOTSTRAP" --topic "$1"
}
grant() {  # grant --topic|--group NAME, and more options
  on tools kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --add \
    --allow-principal "User:$CLERK" --operation Read "$@" >/dev/null
}
settings=$("$FAB" client "$CLERK")
settings=${settings%%$'\n'*}  # its first line
read_as_clerk() {  # read_as_clerk TOPIC
  "$PYTHON" "$FOLDER/clerk.py" "$settings" "$1" "$GROUP"
}
refused() {  # refused TOPIC: it has to be, in a word that brokers have for it
  local said
  if said=$(read_as_clerk "$1" 2>&1); then echo "$CLERK was not refused $1" >&2; return 1; fi
  case $said in *AUTHORIZATION_FAILED*) ;; *) echo "$said" >&2; return 1 ;; esac
}
