package kafkalab.search;

import java.util.Arrays;
import kafkalab.sink.Change;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * What one record asks of the store, as a part of a bulk request.
 *
 * @param record what it comes from
 * @param index where to
 * @param lines the operation's line, and the document's if there is one, each with its line end
 */
record Operation(SinkRecord record, String index, byte[] lines) implements Change {

    @Override
    public int size() {
        return lines.length;
    }

    @Override
    public String toString() {
        return Change.place(record) + " (" + lines.length + " bytes)";
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Operation one && one.record == record
            && Arrays.equals(one.lines, lines);
    }

    @Override
    public int hashCode() {
        return record.hashCode();
    }
}
