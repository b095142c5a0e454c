package kafkalab.sink;

import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.sink.SinkRecord;

/** What tests of sinks are made of. */
public final class Records {

    private Records() {
    }

    /** A record without schemas. */
    public static SinkRecord record(
            String topic, int partition, long offset, Object key, Object value) {
        return new SinkRecord(topic, partition, null, key, null, value, offset, 0L,
            TimestampType.CREATE_TIME);
    }

    /** Settings with more of them: names and values in turn. */
    public static Map<String, String> with(Map<String, String> settings, String... more) {
        Map<String, String> found = new HashMap<>(settings);
        for (int i = 0; i < more.length; i += 2) {
            found.put(more[i], more[i + 1]);
        }
        return found;
    }
}
