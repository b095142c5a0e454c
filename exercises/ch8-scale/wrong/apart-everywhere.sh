# Kafka places the topic itself, on all brokers.
. "$FOLDER/steps.sh"
make --partitions "$PARTITIONS" --replication-factor 2
write
