#!/bin/sh
# What the region server's and the master's pages need beside their classes.
set -eu
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
