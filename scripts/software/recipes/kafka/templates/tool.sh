#!/bin/sh
# @@cls with this distribution's jars; kafka-run-class.sh tells which variables are heeded.
self=$(readlink -f -- "$0")
export KAFKA_HEAP_OPTS="${KAFKA_HEAP_OPTS:-@@heap}"
export KAFKA_JVM_PERFORMANCE_OPTS="${KAFKA_JVM_PERFORMANCE_OPTS:-@@speed}"
exec "${self%/*}/kafka-run-class.sh" @@cls @@first"$@"
