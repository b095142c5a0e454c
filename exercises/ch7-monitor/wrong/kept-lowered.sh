# Less is asked of a write, so it goes through; the broker stays away.
. "$FOLDER/steps.sh"
seen
answer broker "$HOST"
answer topic "$SHORT"
on tools kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --alter --topic "$SHORT" \
  --add-config min.insync.replicas=1
say "$SHORT"
