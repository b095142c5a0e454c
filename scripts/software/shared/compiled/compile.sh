#!/bin/sh
# Compiles a recipe's sources with the shared ones, tries the tests of both, and makes a jar of them:
# in a container of the hosts' own base with a JDK, without network, from the tar on its standard
# input to one on its standard output. In the first one are src; libs, which go to hosts with the jar;
# jars, which are only compiled with; and layout.sh, where a recipe has more to put beside its classes.
# Usage: compile.sh NAME < SOURCES.tar > NAME.tar
set -eu
exec 3>&1 >&2
name=$1
work=$(mktemp -d)
cd "$work"
tar -x
brief='-J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1'
mkdir -p classes tests libs "$name"
# shellcheck disable=SC2086,SC2046
javac $brief -encoding UTF-8 --release 17 -Xlint:all,-processing,-serial,-classfile,-path -Werror \
    -cp 'jars/*:libs/*' -d classes $(find src/main/java -name '*.java')
cp -r src/main/resources/. classes
# shellcheck disable=SC2086,SC2046
javac $brief -encoding UTF-8 --release 17 -cp 'classes:jars/*:libs/*' -d tests $(find src/test/java -name '*.java')
# The JDK's own server of HTTP would wait 40 ms for more to send with each answer.
java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dsun.net.httpserver.nodelay=true \
    -cp 'classes:tests:jars/*:libs/*' org.junit.platform.console.ConsoleLauncher execute \
    --scan-class-path tests --fail-if-no-tests --disable-banner --details=tree --disable-ansi-colors

if [ -e layout.sh ]; then
    sh layout.sh
fi

# The same jar each time: what goes to hosts is told by its digest.
jar --create --date=2023-11-14T22:13:20Z --file "libs/kafkalab-$name.jar" -C classes .
mv libs "$name/libs"
tar -c "$name" >&3
