#!/bin/sh
# Compiles the sink and tries its tests: in a container of the hosts' own base with a JDK, without
# network, from the tar on its standard input to one on its standard output.
# Usage: compile.sh NAME < SOURCES.tar > NAME.tar
set -eu
exec 3>&1 >&2
name=$1
work=$(mktemp -d)
cd "$work"
tar -x
brief='-J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1'
mkdir -p classes tests "$name/libs"
# shellcheck disable=SC2086,SC2046
javac $brief -encoding UTF-8 --release 17 -Xlint:all,-processing,-serial,-classfile -Werror -cp 'jars/*' -d classes \
    $(find src/main/java -name '*.java')
cp -r src/main/resources/. classes
# shellcheck disable=SC2086,SC2046
javac $brief -encoding UTF-8 --release 17 -cp 'classes:jars/*' -d tests $(find src/test/java -name '*.java')
# The JDK's own server would wait 40 ms for more to send with each answer.
java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dsun.net.httpserver.nodelay=true -cp 'classes:tests:jars/*' \
    org.junit.platform.console.ConsoleLauncher execute --scan-class-path tests \
    --fail-if-no-tests --disable-banner --details=tree --disable-ansi-colors
# The same jar each time: what goes to hosts is told by its digest.
jar --create --date=2023-11-14T22:13:20Z --file "$name/libs/$name.jar" -C classes .
tar -c "$name" >&3
