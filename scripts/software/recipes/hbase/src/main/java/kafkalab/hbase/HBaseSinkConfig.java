package kafkalab.hbase;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Range;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigDef.ValidString;
import org.apache.kafka.common.config.ConfigException;

/**
 * The sink's settings, under the names that Confluent's connector has for them.
 *
 * <p>Settings that begin with "hbase." or "zookeeper." are the client's own and go to it as they are.
 */
class HBaseSinkConfig extends AbstractConfig {

    /** What to do with a record without a value. */
    enum OnNull { IGNORE, DELETE, FAIL }

    /** What to do with a record that is no row. */
    enum OnMalformed { IGNORE, WARN, REPORT, FAIL }

    static final String QUORUM = "hbase.zookeeper.quorum";
    static final String TABLE = "table.name.format";
    static final String TABLE_MAP = "topic.table.map";
    static final String FAMILY = "table.column.family";
    static final String CREATE = "auto.create.tables";
    static final String KEY_IGNORE = "key.ignore";
    static final String KEY_FIELDS = "row.key.definition";
    static final String KEY_DELIMITER = "row.key.delimiter";
    static final String NULLS = "behavior.on.null.values";
    static final String MALFORMED = "behavior.on.malformed.records";
    static final String BATCH = "max.batch.size";
    static final String RETRIES = "max.retries";
    static final String BACKOFF = "retry.backoff.ms";

    private static final String TOPIC = "${topic}";

    static final ConfigDef DEFINITION = new ConfigDef()
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
        .define(KEY_IGNORE, Type.BOOLEAN, false, Importance.HIGH,
            "Whether a row's key is its record's place (topic+partition+offset), not its key.")
        .define(KEY_FIELDS, Type.LIST, List.of(), Importance.MEDIUM,
            "The fields of a record's key that make the row's key; none: all, in order.")
        .define(KEY_DELIMITER, Type.STRING, "", Importance.LOW,
            "What stands between fields in a row's key.")
        .define(NULLS, Type.STRING, "fail", ValidString.in("ignore", "delete", "fail"),
            Importance.LOW, "What to do with a record without a value.")
        .define(MALFORMED, Type.STRING, "fail",
            ValidString.in("ignore", "warn", "report", "fail"), Importance.LOW,
            "What to do with a record that is no row, or that HBase refuses for what is in it: "
                + "report sends it to the dead letter topic with the reason.")
        .define(BATCH, Type.INT, 1000, Range.between(1, 100000), Importance.MEDIUM,
            "How many records are written at once, at most.")
        .define(RETRIES, Type.INT, 5, Range.atLeast(0), Importance.LOW,
            "How often a batch is sent again before the task gives the records back to Connect, "
                + "which hands them to it again after a while.")
        .define(BACKOFF, Type.LONG, 100L, Range.atLeast(1), Importance.LOW,
            "How long to wait before the first time, in ms; twice as long each time after that.");

    private final Map<String, String> tables = new HashMap<>();

    HBaseSinkConfig(Map<String, String> settings) {
        super(DEFINITION, settings, false);
        if (getString(FAMILY).isEmpty()) {
            throw new ConfigException(FAMILY, "", "a name is needed");
        }
        for (String pair : getList(TABLE_MAP)) {
            int at = pair.indexOf(':');
            if (at < 1 || at == pair.length() - 1) {
                throw new ConfigException(TABLE_MAP, pair, "accepted: topic:table");
            }
            tables.put(pair.substring(0, at), pair.substring(at + 1));
        }
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

    OnNull onNull() {
        return OnNull.valueOf(getString(NULLS).toUpperCase(Locale.ROOT));
    }

    OnMalformed onMalformed() {
        return OnMalformed.valueOf(getString(MALFORMED).toUpperCase(Locale.ROOT));
    }
}
