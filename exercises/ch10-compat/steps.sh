# A schema is a file like any other here; what the registry wants is its text in JSON.
record() {  # FIELD…: a record with these fields behind id and cents
  printf '{"type":"record","name":"Payment","fields":['
  printf '{"name":"id","type":"string"},{"name":"cents","type":"long"}'
  [ $# = 0 ] || printf ',%s' "$@"
  printf ']}'
}
bare() { printf '{"name":"%s","type":"string"}' "$1"; }
optional() { printf '{"name":"%s","type":"string","default":""}' "$1"; }
say() {  # METHOD PATH BODY: to the registry, which has to take it
  printf '%s' "$3" | on tools curl -sf -X "$1" -H "Content-Type: application/json" -d @- \
    -o /dev/null "$REGISTRY/$2"
}
register() {  # SCHEMA
  say POST "subjects/$SUBJECT/versions" \
    "$("$PYTHON" -c 'import json, sys; print(json.dumps({"schema": sys.argv[1]}))' "$1")"
}
level() { say PUT "config/$SUBJECT" "{\"compatibility\":\"$1\"}"; }
