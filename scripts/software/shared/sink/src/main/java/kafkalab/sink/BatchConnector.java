package kafkalab.sink;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.sink.SinkConnector;

/** A connector all of whose tasks have its settings as they are. */
public abstract class BatchConnector extends SinkConnector {

    static final String VERSION = "1.0";
    private Map<String, String> settings;

    @Override
    public void start(Map<String, String> props) {
        settings = Map.copyOf(props);
    }

    @Override
    public List<Map<String, String>> taskConfigs(int most) {
        return Collections.nCopies(most, settings);
    }

    @Override
    public void stop() {
    }

    @Override
    public String version() {
        return VERSION;
    }
}
