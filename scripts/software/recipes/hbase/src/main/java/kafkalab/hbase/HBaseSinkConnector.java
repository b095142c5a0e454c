package kafkalab.hbase;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.sink.SinkConnector;

/** Carries records into HBase: a topic becomes a table, a record a row. */
public class HBaseSinkConnector extends SinkConnector {

    static final String VERSION = "1.0";
    private Map<String, String> settings;

    @Override
    public void start(Map<String, String> props) {
        settings = Map.copyOf(props);
    }

    @Override
    public Class<? extends Task> taskClass() {
        return HBaseSinkTask.class;
    }

    @Override
    public List<Map<String, String>> taskConfigs(int most) {
        return Collections.nCopies(most, settings);
    }

    @Override
    public void stop() {
    }

    @Override
    public ConfigDef config() {
        return HBaseSinkConfig.DEFINITION;
    }

    @Override
    public String version() {
        return VERSION;
    }
}
