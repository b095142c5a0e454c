package kafkalab.search;

import kafkalab.sink.BatchConnector;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;

/** Carries records into Elasticsearch or OpenSearch: a topic becomes an index, a record a document. */
public class SearchSinkConnector extends BatchConnector {

    @Override
    public Class<? extends Task> taskClass() {
        return SearchSinkTask.class;
    }

    @Override
    public ConfigDef config() {
        return SearchSinkConfig.DEFINITION;
    }
}
