package kafkalab.sink;

import org.apache.kafka.connect.sink.SinkRecord;

/** What one record asks of a store. */
public interface Change {

    /** What it comes from. */
    SinkRecord record();

    /** How much it takes of a request's bytes; 0 where only the number of changes counts. */
    default int size() {
        return 0;
    }

    /** Where a record stands, in words. */
    static String place(SinkRecord record) {
        return record.topic() + "-" + record.kafkaPartition() + " at offset "
            + record.kafkaOffset();
    }
}
