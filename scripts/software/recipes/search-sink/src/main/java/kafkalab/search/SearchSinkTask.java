package kafkalab.search;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes records in bulk, and returns only when the store has all of them.
 *
 * <p>So Connect commits no offset of a record that is not there. A store that is away costs time and
 * no record: after some tries the task hands its records back, and Connect gives them to it again.
 */
public class SearchSinkTask extends SinkTask {

    private static final Logger LOG = LoggerFactory.getLogger(SearchSinkTask.class);
    private static final long LONGEST_WAIT_MS = 10_000;

    private SearchSinkConfig config;
    private Documents documents;
    private Store store;
    private ErrantRecordReporter reporter;
    private final Set<String> made = new HashSet<>();
    private final Map<SinkRecord, String> malformed = new IdentityHashMap<>(); // of this put

    @Override
    public String version() {
        return SearchSinkConnector.VERSION;
    }

    @Override
    public void start(Map<String, String> settings) {
        config = new SearchSinkConfig(settings);
        documents = new Documents(config);
        store = new Store(config);
        reporter = context == null ? null : context.errantRecordReporter();
    }

    @Override
    public void put(Collection<SinkRecord> records) {
        malformed.clear();
        int most = config.getInt(SearchSinkConfig.BATCH);
        int bytes = config.getInt(SearchSinkConfig.BULK_BYTES);
        List<Operation> batch = new ArrayList<>();
        int size = 0;
        for (SinkRecord record : records) {
            Operation next = operation(record);
            if (next == null) {
                continue;
            }
            if (!batch.isEmpty() && (batch.size() == most || size + next.lines().length > bytes)) {
                write(batch);
                batch = new ArrayList<>();
                size = 0;
            }
            batch.add(next);
            size += next.lines().length;
        }
        if (!batch.isEmpty()) {
            write(batch);
        }
        // Not before all else is written: what is given back comes again, these among it.
        for (SinkRecord record : records) {
            if (malformed.containsKey(record)) {
                tell(record, malformed.get(record));
            }
        }
    }

    @Override
    public void stop() {
    }

    private Operation operation(SinkRecord record) {
        try {
            return documents.of(record).orElse(null);
        } catch (DataException error) {
            malformed.put(record, error.getMessage());
            return null;
        }
    }

    /** Send a batch until every operation is done, or is told to be malformed. */
    private void write(List<Operation> batch) {
        List<Operation> left = batch;
        String reason = "";
        for (int tries = 0; ; tries++) {
            try {
                prepare(left);
                List<Operation> again = new ArrayList<>();
                List<Store.Outcome> outcomes = store.bulk(left);
                for (int i = 0; i < left.size(); i++) {
                    Store.Outcome one = outcomes.get(i);
                    if (one.retry()) {
                        again.add(left.get(i));
                        reason = one.reason();
                    } else if (one.reason() != null) {
                        malformed.put(left.get(i).record(), one.reason());
                    }
                }
                if (again.isEmpty()) {
                    return;
                }
                left = again;
            } catch (Store.Refused refused) {
                divide(left, refused.getMessage());
                return;
            } catch (Store.Unavailable unavailable) {
                reason = unavailable.getMessage();
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
                throw new RetriableException("interrupted while writing", interrupted);
            }
            pause(tries, left.size(), reason);
        }
    }

    /** Of a request that is refused as a whole, find out whose fault it is. */
    private void divide(List<Operation> batch, String reason) {
        if (batch.size() == 1) {
            malformed.put(batch.get(0).record(), reason);
            return;
        }
        int middle = batch.size() / 2;
        write(batch.subList(0, middle));
        write(batch.subList(middle, batch.size()));
    }

    /** Make the indices that are written to for the first time. */
    private void prepare(List<Operation> batch)
            throws Store.Unavailable, InterruptedException {
        String settings = config.getString(SearchSinkConfig.INDEX_SETTINGS);
        if (settings.isEmpty()) {
            return;
        }
        for (Operation one : batch) {
            if (!made.contains(one.index())) {
                try {
                    store.make(one.index(), settings);
                } catch (Store.Refused refused) {
                    throw new ConnectException(
                        "index " + one.index() + " cannot be made: " + refused.getMessage());
                }
                made.add(one.index());
            }
        }
    }

    /** Wait before the next try; raises what Connect takes for "give them to me again". */
    private void pause(int tries, int left, String reason) {
        long base = config.getLong(SearchSinkConfig.BACKOFF);
        long longest = Math.min(LONGEST_WAIT_MS, base << Math.min(tries, 20));
        // Somewhere in the second half: tasks that failed together do not come back together.
        long wait = longest / 2 + ThreadLocalRandom.current().nextLong(longest / 2 + 1);
        String what = left + " records wait for the store: " + reason;
        if (tries >= config.getInt(SearchSinkConfig.RETRIES)) {
            made.clear(); // it may come back without what it had
            if (context != null) {
                context.timeout(wait);
            }
            throw new RetriableException(what);
        }
        LOG.warn("{}; again in {} ms", what, wait);
        try {
            Thread.sleep(wait);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new RetriableException(what, interrupted);
        }
    }

    private void tell(SinkRecord record, String reason) {
        String what = record.topic() + "-" + record.kafkaPartition() + " at offset "
            + record.kafkaOffset() + ": " + reason;
        switch (config.onMalformed()) {
            case IGNORE:
                return;
            case WARN:
                LOG.warn("not written: {}", what);
                return;
            case REPORT:
                if (reporter == null) {
                    throw new ConnectException(what + " (and there is no dead letter topic)");
                }
                reporter.report(record, new DataException(reason));
                return;
            default:
                throw new ConnectException(what);
        }
    }
}
