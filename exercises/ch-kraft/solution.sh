. "$FOLDER/steps.sh"
answer records $((PARTITIONS + 1))
answer changes 2
make
alter "retention.ms=$RETENTION,segment.bytes=$SEGMENT"
status=$(quorum --status)
voters=$(quorum --replication | awk '$NF == "Leader" || $NF == "Follower" { print $1 }' | sort -n | paste -sd ,)
{
  sed -n 's/^LeaderId: */leader:/p; s/^LeaderEpoch: */epoch:/p' <<<"$status"
  echo "voters:$voters"
  echo "offset:$(offset)"
} | note
