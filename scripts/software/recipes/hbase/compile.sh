#!/bin/sh
# Compiles the lab's sink and viewer of rows, tries their tests, and lays them out with HBase: in a
# container of the hosts' own base with a JDK, without network, from the tar on its standard input to
# one on its standard output.
# Usage: compile.sh NAME < SOURCES.tar > NAME.tar
set -eu
exec 3>&1 >&2
name=$1
work=$(mktemp -d)
cd "$work"
tar -x
brief='-J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1'
mkdir -p classes tests "$name"
# shellcheck disable=SC2086,SC2046
javac $brief -encoding UTF-8 --release 17 -Xlint:all,-processing,-serial,-classfile,-path -Werror \
    -cp 'jars/*:libs/*' -d classes $(find src/main/java -name '*.java')
cp -r src/main/resources/. classes
# shellcheck disable=SC2086,SC2046
javac $brief -encoding UTF-8 --release 17 -cp 'classes:jars/*:libs/*' -d tests $(find src/test/java -name '*.java')
java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp 'classes:tests:jars/*:libs/*' \
    org.junit.platform.console.ConsoleLauncher execute --scan-class-path tests \
    --fail-if-no-tests --disable-banner --details=tree --disable-ansi-colors

# HBase's pages are in its jars, already compiled, but not what a server needs to know of them, which
# only its distribution has. The lab's viewer is one more page of a region server.
server=$(ls libs/hbase-server-*.jar)
jar --list --file "$server" > names
for role in master regionserver; do
    mkdir -p "classes/hbase-webapps/$role/WEB-INF"
    {
        echo '<web-app>'
        if [ $role = regionserver ]; then
            echo '<servlet><servlet-name>rows</servlet-name>' \
                '<servlet-class>kafkalab.hbase.RowsServlet</servlet-class></servlet>' \
                '<servlet-mapping><servlet-name>rows</servlet-name>' \
                '<url-pattern>/rows/*</url-pattern></servlet-mapping>'
        fi
        sed -n "s#^org/apache/hadoop/hbase/generated/$role/\([A-Za-z]*\)_jsp\.class\$#\1#p" names |
            while read -r page; do
                echo "<servlet><servlet-name>$page</servlet-name>" \
                    "<servlet-class>org.apache.hadoop.hbase.generated.$role.${page}_jsp</servlet-class>" \
                    "</servlet><servlet-mapping><servlet-name>$page</servlet-name>" \
                    "<url-pattern>/$page.jsp</url-pattern></servlet-mapping>"
            done
        echo '</web-app>'
    } > "classes/hbase-webapps/$role/WEB-INF/web.xml"
done
# A server of pages wants its folder of files, too, and serves nothing from an empty one.
mkdir -p classes/hbase-webapps/static
touch classes/hbase-webapps/static/empty

# The same jar each time: what goes to hosts is told by its digest.
jar --create --date=2023-11-14T22:13:20Z --file libs/kafkalab-hbase.jar -C classes .
mv libs "$name/libs"
tar -c "$name" >&3
