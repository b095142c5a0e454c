# What is Kafka 4's own where its services are recorded (seed.sh): it logs with log4j2, and a controller
# has the metadata. Part of a script that has $home and $work, before seed.sh.
cat > "$work/log4j2.yaml" <<END
Configuration:
  Appenders:
    Console:
      name: stdout
      PatternLayout:
        pattern: "%p %m (%c)%n"
    # What services write to; a class that is not recorded is read anew at each start.
    RollingFile:
      name: file
      fileName: $work/\${sys:seed}.out
      filePattern: $work/\${sys:seed}.out.%i
      PatternLayout:
        pattern: "[%d] %p %m (%c)%n"
      SizeBasedTriggeringPolicy:
        size: 10MB
      DefaultRolloverStrategy:
        max: 1
  Loggers:
    Root:
      level: INFO
      AppenderRef:
        - ref: stdout
        - ref: file
END
logging() { # logging SERVICE: the JVM's options for it
    echo "-Dseed=$1 -Dlog4j2.configurationFile=$work/log4j2.yaml"
}
# controller.cfg, broker.cfg: two nodes, as services of a lab are on hosts of their own.
common="controller.quorum.bootstrap.servers=127.0.0.1:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216"
cat > "$work/controller.cfg" <<END
process.roles=controller
node.id=3001
listeners=CONTROLLER://127.0.0.1:9093
log.dirs=$work/controller
$common
END
cat > "$work/kafka.cfg" <<END
process.roles=broker
node.id=1
listeners=INTERNAL://127.0.0.1:9092,EXTERNAL://127.0.0.1:9094
inter.broker.listener.name=INTERNAL
log.dirs=$work/kafka
$common
END
# format NODE OPTION...: what the lab writes by itself before a node's first start.
format() {
    node=$1
    shift
    # shellcheck disable=SC2046,SC2086
    java $flags -Xmx128m $(logging format) "@$home/classpath.args" kafka.tools.StorageTool \
        format -t AAAAAAAAAAAAAAAAAAAAAQ -c "$work/$node.cfg" "$@" > "$work/format.log" 2>&1 || { tail -n 20 "$work/format.log" >&2; exit 1; }
}
# Who keeps the metadata, and on which port; `keep` runs it.
keeper=controller keeper_port=9093
prepare() {
    format controller --standalone
    format kafka
}
keep() {
    record controller kafka.Kafka "$work/controller.cfg"
}
