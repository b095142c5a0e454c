. "$FOLDER/steps.sh"
make
answer classic yes
pair "$OLD" "$CLASSIC" "$BUSY"
write "$OLD"
told "$CLASSIC" a busy
member "$OLD" "$CLASSIC" c
seen classic-joined
end

answer next no
answer stopped $((PARTITIONS / 3))
pair "$NEW" "$NEXT" "$BUSY" --protocol consumer
write "$NEW"
told "$NEXT" a busy
member "$NEW" "$NEXT" c --protocol consumer
seen next-joined
seen next-given
end
