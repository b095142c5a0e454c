package kafkalab.hbase;

import kafkalab.sink.BatchConnector;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;

/** Carries records into HBase: a topic becomes a table, a record a row. */
public class HBaseSinkConnector extends BatchConnector {

    @Override
    public Class<? extends Task> taskClass() {
        return HBaseSinkTask.class;
    }

    @Override
    public ConfigDef config() {
        return HBaseSinkConfig.DEFINITION;
    }
}
