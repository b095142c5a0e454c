# The setting that lets it be lost is forgotten; by default it is off.
on tools kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --create --topic "$UNCLEAN" \
  --replica-assignment 1:2 --config min.insync.replicas=1
