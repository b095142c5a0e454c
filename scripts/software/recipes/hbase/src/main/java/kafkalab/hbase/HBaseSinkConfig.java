package kafkalab.hbase;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import kafkalab.sink.BatchConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigException;

/**
 * The sink's settings, under the names that Confluent's connector has for them.
 *
 * <p>Settings that begin with "hbase." or "zookeeper." are the client's own and go to it as they are.
 */
class HBaseSinkConfig extends BatchConfig {

    static final String QUORUM = "hbase.zookeeper.quorum";
    static final String TABLE = "table.name.format";
    static final String TABLE_MAP = "topic.table.map";
    static final String FAMILY = "table.column.family";
    static final String CREATE = "auto.create.tables";
    static final String KEY_FIELDS = "row.key.definition";
    static final String KEY_DELIMITER = "row.key.delimiter";

    private static final String TOPIC = "${topic}";
    private static final Names NAMES =
        new Names("row", "behavior.on.malformed.records", "max.batch.size", 1000);

    static final ConfigDef DEFINITION = definition(NAMES)
        .define(QUORUM, Type.STRING, Importance.HIGH,
            "The servers of ZooKeeper under which HBase is found, with commas between.")
        .define(TABLE, Type.STRING, TOPIC, Importance.MEDIUM,
            "What a topic's table is called; ${topic} stands for the topic.")
        .define(TABLE_MAP, Type.LIST, List.of(), Importance.LOW,
            "topic:table for topics whose table is called otherwise.")
        .define(FAMILY, Type.STRING, TOPIC, Importance.MEDIUM,
            "The column family of all columns; ${topic} stands for the topic.")
        .define(CREATE, Type.BOOLEAN, false, Importance.MEDIUM,
            "Whether a table that is not there is made, with its column family.")
        .define(KEY_FIELDS, Type.LIST, List.of(), Importance.MEDIUM,
            "The fields of a record's key that make the row's key; none: all, in order.")
        .define(KEY_DELIMITER, Type.STRING, "", Importance.LOW,
            "What stands between fields in a row's key.");

    private final Map<String, String> tables;

    HBaseSinkConfig(Map<String, String> settings) {
        super(DEFINITION, NAMES, settings);
        if (getString(FAMILY).isEmpty()) {
            throw new ConfigException(FAMILY, "", "a name is needed");
        }
        tables = pairs(TABLE_MAP, "topic:table");
    }

    /** The table that a topic's records go to. */
    String table(String topic) {
        String mapped = tables.get(topic);
        return mapped != null ? mapped : getString(TABLE).replace(TOPIC, topic);
    }

    /** The column family of a topic's rows. */
    String family(String topic) {
        return getString(FAMILY).replace(TOPIC, topic);
    }

    /** The settings that are HBase's own. */
    Map<String, String> client() {
        Map<String, String> found = new HashMap<>(originalsStrings());
        found.keySet().removeIf(
            name -> !name.startsWith("hbase.") && !name.startsWith("zookeeper."));
        return found;
    }
}
