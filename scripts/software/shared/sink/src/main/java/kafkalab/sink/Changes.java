package kafkalab.sink;

import java.util.Optional;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.SinkRecord;

/** Makes changes of records. */
public abstract class Changes<C extends Change> {

    private final BatchConfig config;

    protected Changes(BatchConfig config) {
        this.config = config;
    }

    /**
     * What a record asks of the store; nothing where it is to be ignored.
     *
     * @throws DataException when the store has no place for it, with the reason
     */
    public Optional<C> of(SinkRecord record) {
        boolean ignoring = config.ignoresKey(record.topic());
        if (record.value() != null) {
            return Optional.of(written(record, ignoring));
        }
        switch (config.onNull()) {
            case FAIL:
                throw new DataException("it has no value");
            case IGNORE:
                return Optional.empty();
            default:
                // Named by where it stands, it cannot mean what any other record has written.
                return ignoring ? Optional.empty() : Optional.of(deleted(record));
        }
    }

    /** What a record with a value asks; named by its place where its key is ignored. */
    protected abstract C written(SinkRecord record, boolean ignoring);

    /** What one without a value does to what its key has named. */
    protected abstract C deleted(SinkRecord record);
}
