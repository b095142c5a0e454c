package kafkalab.search;

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

/** The sink's settings, under the names that Confluent's connector has for them. */
class SearchSinkConfig extends AbstractConfig {

    /** What to do with a record without a value. */
    enum OnNull { IGNORE, DELETE, FAIL }

    /** What to do with a record that is no document, or that the store refuses for what is in it. */
    enum OnMalformed { IGNORE, WARN, REPORT, FAIL }

    static final String URL = "connection.url";
    static final String CONNECT_TIMEOUT = "connection.timeout.ms";
    static final String READ_TIMEOUT = "read.timeout.ms";
    static final String KEY_IGNORE = "key.ignore";
    static final String TOPIC_KEY_IGNORE = "topic.key.ignore";
    static final String INDEX_MAP = "topic.index.map";
    static final String INDEX_SETTINGS = "index.settings";
    static final String NULLS = "behavior.on.null.values";
    static final String MALFORMED = "behavior.on.malformed.documents";
    static final String BATCH = "batch.size";
    static final String BULK_BYTES = "bulk.size.bytes";
    static final String RETRIES = "max.retries";
    static final String BACKOFF = "retry.backoff.ms";

    static final ConfigDef DEFINITION = new ConfigDef()
        .define(URL, Type.LIST, Importance.HIGH,
            "Where the store answers, such as http://store:9200; several with commas between.")
        .define(CONNECT_TIMEOUT, Type.INT, 1000, Range.atLeast(1), Importance.LOW,
            "How long to wait for a connection, in ms.")
        .define(READ_TIMEOUT, Type.INT, 30000, Range.atLeast(1), Importance.LOW,
            "How long to wait for an answer, in ms.")
        .define(KEY_IGNORE, Type.BOOLEAN, false, Importance.HIGH,
            "Whether a document is named topic+partition+offset, and not by its record's key.")
        .define(TOPIC_KEY_IGNORE, Type.LIST, List.of(), Importance.LOW,
            "Topics whose keys are ignored whatever key.ignore says.")
        .define(INDEX_MAP, Type.LIST, List.of(), Importance.LOW,
            "topic:index for topics whose index is not called as they are, in lower case.")
        .define(INDEX_SETTINGS, Type.STRING, "", Importance.LOW,
            "A JSON object: settings of indices that are made. None leaves it to the store.")
        .define(NULLS, Type.STRING, "fail", ValidString.in("ignore", "delete", "fail"),
            Importance.LOW, "What to do with a record without a value.")
        .define(MALFORMED, Type.STRING, "fail",
            ValidString.in("ignore", "warn", "report", "fail"), Importance.LOW,
            "What to do with a record that is no document, or that the store refuses for what is "
                + "in it: report sends it to the dead letter topic with the reason.")
        .define(BATCH, Type.INT, 2000, Range.between(1, 100000), Importance.MEDIUM,
            "How many documents a request has at most.")
        .define(BULK_BYTES, Type.INT, 5 * 1024 * 1024, Range.atLeast(1024), Importance.LOW,
            "How many bytes a request has at most, but for one document that is larger.")
        .define(RETRIES, Type.INT, 5, Range.atLeast(0), Importance.LOW,
            "How often a request is sent again before the task gives the records back to Connect, "
                + "which hands them to it again after a while.")
        .define(BACKOFF, Type.LONG, 100L, Range.atLeast(1), Importance.LOW,
            "How long to wait before the first time, in ms; twice as long each time after that.");

    private final Map<String, String> indices = new HashMap<>();
    private final List<String> ignoring;

    SearchSinkConfig(Map<String, String> settings) {
        super(DEFINITION, settings, false);
        ignoring = getList(TOPIC_KEY_IGNORE);
        if (getList(URL).isEmpty()) {
            throw new ConfigException(URL, "", "an address is needed");
        }
        for (String pair : getList(INDEX_MAP)) {
            int at = pair.indexOf(':');
            if (at < 1 || at == pair.length() - 1) {
                throw new ConfigException(INDEX_MAP, pair, "accepted: topic:index");
            }
            indices.put(pair.substring(0, at), pair.substring(at + 1));
        }
    }

    /** The index that a topic's records go to. Names of indices are in lower case. */
    String index(String topic) {
        return indices.getOrDefault(topic, topic.toLowerCase(Locale.ROOT));
    }

    boolean ignoresKey(String topic) {
        return getBoolean(KEY_IGNORE) || ignoring.contains(topic);
    }

    OnNull onNull() {
        return OnNull.valueOf(getString(NULLS).toUpperCase(Locale.ROOT));
    }

    OnMalformed onMalformed() {
        return OnMalformed.valueOf(getString(MALFORMED).toUpperCase(Locale.ROOT));
    }
}
