package kafkalab.sink;

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

/** The settings that all of the lab's sinks have, under the names of Confluent's connectors. */
public abstract class BatchConfig extends AbstractConfig {

    /** What to do with a record without a value. */
    public enum OnNull { IGNORE, DELETE, FAIL }

    /** What to do with a record that the store has no place for, or refuses for what is in it. */
    public enum OnMalformed { IGNORE, WARN, REPORT, FAIL }

    /**
     * What one sink calls what all of them have.
     *
     * @param thing what a record becomes: "document"
     * @param malformed the setting for records that cannot become one
     * @param batch the setting for how many changes a request has at most
     * @param most its default
     */
    public record Names(String thing, String malformed, String batch, int most) { }

    public static final String KEY_IGNORE = "key.ignore";
    public static final String NULLS = "behavior.on.null.values";
    public static final String RETRIES = "max.retries";
    public static final String BACKOFF = "retry.backoff.ms";

    private final Names names;

    protected BatchConfig(ConfigDef definition, Names names, Map<String, String> settings) {
        super(definition, settings, false);
        this.names = names;
    }

    /** The definitions of these settings, for a sink to go on from. */
    protected static ConfigDef definition(Names names) {
        return new ConfigDef()
            .define(KEY_IGNORE, Type.BOOLEAN, false, Importance.HIGH,
                "Whether a " + names.thing() + " is named topic+partition+offset, and not by its "
                    + "record's key.")
            .define(NULLS, Type.STRING, "fail", ValidString.in("ignore", "delete", "fail"),
                Importance.LOW, "What to do with a record without a value.")
            .define(names.malformed(), Type.STRING, "fail",
                ValidString.in("ignore", "warn", "report", "fail"), Importance.LOW,
                "What to do with a record that is no " + names.thing() + ", or that the store "
                    + "refuses for what is in it: report sends it to the dead letter topic with "
                    + "the reason.")
            .define(names.batch(), Type.INT, names.most(), Range.between(1, 100000),
                Importance.MEDIUM, "How many records a request has at most.")
            .define(RETRIES, Type.INT, 5, Range.atLeast(0), Importance.LOW,
                "How often a request is sent again before the task gives the records back to "
                    + "Connect, which hands them to it again after a while.")
            .define(BACKOFF, Type.LONG, 100L, Range.atLeast(1), Importance.LOW,
                "How long to wait before the first time, in ms; twice as long each time after "
                    + "that.");
    }

    /** Whether records of a topic are named by their places. */
    public boolean ignoresKey(String topic) {
        return getBoolean(KEY_IGNORE);
    }

    public OnNull onNull() {
        return OnNull.valueOf(getString(NULLS).toUpperCase(Locale.ROOT));
    }

    public OnMalformed onMalformed() {
        return OnMalformed.valueOf(getString(names.malformed()).toUpperCase(Locale.ROOT));
    }

    /** How many changes a request has at most. */
    public int most() {
        return getInt(names.batch());
    }

    /** How many requests of a task there are at once, at most. */
    public int inFlight() {
        return 1;
    }

    /** How many bytes a request has at most, but for one change that is larger. */
    public long mostBytes() {
        return Long.MAX_VALUE;
    }

    /** The pairs of a setting such as topic:index. */
    protected Map<String, String> pairs(String setting, String accepted) {
        Map<String, String> found = new HashMap<>();
        List<String> several = getList(setting);
        for (String pair : several) {
            int at = pair.indexOf(':');
            if (at < 1 || at == pair.length() - 1) {
                throw new ConfigException(setting, pair, "accepted: " + accepted);
            }
            found.put(pair.substring(0, at), pair.substring(at + 1));
        }
        return found;
    }
}
