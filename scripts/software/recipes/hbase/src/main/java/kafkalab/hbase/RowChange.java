package kafkalab.hbase;

import java.util.List;
import kafkalab.sink.Change;
import org.apache.hadoop.hbase.client.Mutation;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * What one record asks of HBase.
 *
 * @param record what it comes from
 * @param table where to
 * @param family the table's column family
 * @param mutations what happens to the row, in whatever order
 */
record RowChange(SinkRecord record, String table, String family, List<Mutation> mutations)
    implements Change {
}
