# What is Kafka 3's own where its services are recorded (seed.sh): it logs with log4j, and ZooKeeper has
# the metadata. Part of a script that has $home and $work, before seed.sh.
cat > "$work/log4j.properties" <<END
log4j.rootLogger=INFO, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=%p %m (%c)%n
END
logging() { # logging SERVICE: the JVM's options for it
    echo "-Dlog4j.configuration=file:$work/log4j.properties"
}
cat > "$work/zookeeper.cfg" <<END
dataDir=$work/zookeeper
clientPort=2181
clientPortAddress=127.0.0.1
admin.enableServer=false
END
cat > "$work/kafka.cfg" <<END
broker.id=1
listeners=INTERNAL://127.0.0.1:9092,EXTERNAL://127.0.0.1:9094
listener.security.protocol.map=INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT
inter.broker.listener.name=INTERNAL
log.dirs=$work/kafka
zookeeper.connect=127.0.0.1:2181
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
END
# Who keeps the metadata, and on which port; `keep` runs it.
keeper=zookeeper keeper_port=2181
prepare() { :; }
keep() {
    record zookeeper org.apache.zookeeper.server.quorum.QuorumPeerMain "$work/zookeeper.cfg"
}
