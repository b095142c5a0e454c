package kafkalab.search;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import kafkalab.sink.BatchConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Range;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigException;

/** The sink's settings, under the names that Confluent's connector has for them. */
class SearchSinkConfig extends BatchConfig {

    static final String URL = "connection.url";
    static final String CONNECT_TIMEOUT = "connection.timeout.ms";
    static final String READ_TIMEOUT = "read.timeout.ms";
    static final String TOPIC_KEY_IGNORE = "topic.key.ignore";
    static final String INDEX_MAP = "topic.index.map";
    static final String INDEX_SETTINGS = "index.settings";
    static final String BULK_BYTES = "bulk.size.bytes";

    static final String IN_FLIGHT = "max.in.flight.requests";

    private static final Names NAMES =
        new Names("document", "behavior.on.malformed.documents", "batch.size", 2000);

    static final ConfigDef DEFINITION = definition(NAMES)
        .define(URL, Type.LIST, Importance.HIGH,
            "Where the store answers, such as http://store:9200; several with commas between.")
        .define(CONNECT_TIMEOUT, Type.INT, 1000, Range.atLeast(1), Importance.LOW,
            "How long to wait for a connection, in ms.")
        .define(READ_TIMEOUT, Type.INT, 30000, Range.atLeast(1), Importance.LOW,
            "How long to wait for an answer, in ms.")
        .define(TOPIC_KEY_IGNORE, Type.LIST, List.of(), Importance.LOW,
            "Topics whose keys are ignored whatever key.ignore says.")
        .define(INDEX_MAP, Type.LIST, List.of(), Importance.LOW,
            "topic:index for topics whose index is not called as they are, in lower case.")
        .define(INDEX_SETTINGS, Type.STRING, "", Importance.LOW,
            "A JSON object: settings of indices that are made. None leaves it to the store.")
        .define(IN_FLIGHT, Type.INT, 2, Range.between(1, 100), Importance.MEDIUM,
            "How many requests of a task there are at once, at most. A key's records are never in "
                + "two of them.")
        .define(BULK_BYTES, Type.INT, 5 * 1024 * 1024, Range.atLeast(1024), Importance.LOW,
            "How many bytes a request has at most, but for one document that is larger.");

    private final Map<String, String> indices;
    private final List<String> ignoring;

    SearchSinkConfig(Map<String, String> settings) {
        super(DEFINITION, NAMES, settings);
        ignoring = getList(TOPIC_KEY_IGNORE);
        if (getList(URL).isEmpty()) {
            throw new ConfigException(URL, "", "an address is needed");
        }
        indices = pairs(INDEX_MAP, "topic:index");
    }

    /** The index that a topic's records go to. Names of indices are in lower case. */
    String index(String topic) {
        return indices.getOrDefault(topic, topic.toLowerCase(Locale.ROOT));
    }

    @Override
    public boolean ignoresKey(String topic) {
        return super.ignoresKey(topic) || ignoring.contains(topic);
    }

    @Override
    public int inFlight() {
        return getInt(IN_FLIGHT);
    }

    @Override
    public long mostBytes() {
        return getInt(BULK_BYTES);
    }
}
