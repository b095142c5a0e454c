package kafkalab.sink;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
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
 * Writes records in batches, and returns only when the store has all of them.
 *
 * <p>So Connect commits no offset of a record that is not there. A store that is away costs time and
 * no record: after some tries the task hands its records back, and Connect gives them to it again.
 */
public abstract class BatchTask<C extends Change> extends SinkTask {

    private static final Logger LOG = LoggerFactory.getLogger(BatchTask.class);
    private static final long LONGEST_WAIT_MS = 10_000;
    private static final int FEW = 500; // records of a part, at least, where there are several

    private BatchConfig config;
    private Changes<C> changes;
    private ErrantRecordReporter reporter;
    private ExecutorService others; // who carry what one thread does not
    private final Set<String> made = ConcurrentHashMap.newKeySet();
    private final Map<SinkRecord, String> malformed = // of this put
        Collections.synchronizedMap(new IdentityHashMap<>());

    /** What makes an index or a table, where it is not there yet. */
    protected interface Making {
        void make() throws Unavailable, Refused, InterruptedException;
    }

    @Override
    public String version() {
        return BatchConnector.VERSION;
    }

    /** To be called by `start`, with what the settings say. */
    protected void begin(BatchConfig settings, Changes<C> making) {
        config = settings;
        changes = making;
        reporter = context == null ? null : context.errantRecordReporter();
        others = Executors.newFixedThreadPool(Math.max(1, config.inFlight() - 1), work -> {
            Thread made = new Thread(work, "sink-request");
            made.setDaemon(true);
            return made;
        });
    }

    @Override
    public void stop() {
        if (others != null) {
            others.shutdownNow();
        }
    }

    /**
     * Send a batch once; the outcome of each change, in their order.
     *
     * @throws Unavailable where nothing is known of any of them
     * @throws Refused where one of them spoils it for all
     */
    protected abstract List<Outcome> send(List<C> batch)
        throws Unavailable, Refused, InterruptedException;

    @Override
    public void put(Collection<SinkRecord> records) {
        malformed.clear();
        carry(lanes(records));
        // Not before all else is written: what is given back comes again, these among it.
        for (SinkRecord record : records) {
            if (malformed.containsKey(record)) {
                tell(record, malformed.get(record));
            }
        }
    }

    /**
     * Records in as many parts as there may be requests at once, none of them small: each takes the
     * store some work of its own. Those of a key are in one part, in their order.
     */
    private List<List<SinkRecord>> lanes(Collection<SinkRecord> records) {
        int count = Math.max(1, Math.min(config.inFlight(), records.size() / FEW));
        List<List<SinkRecord>> found = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            found.add(new ArrayList<>());
        }
        for (SinkRecord record : records) {
            Object key = record.key();
            int hash = key instanceof byte[] bytes ? Arrays.hashCode(bytes) : String.valueOf(
                key == null ? record.kafkaOffset() : key).hashCode();
            found.get(Math.floorMod(hash, count)).add(record);
        }
        return found;
    }

    /** Have all parts carried at once; the first here. What one of them raises, when all are done. */
    private void carry(List<List<SinkRecord>> lanes) {
        List<Future<?>> rest = new ArrayList<>();
        for (List<SinkRecord> one : lanes.subList(1, lanes.size())) {
            rest.add(others.submit(() -> carryInOrder(one)));
        }
        RuntimeException failed = null;
        try {
            carryInOrder(lanes.get(0));
        } catch (RuntimeException error) {
            failed = error;
        }
        for (Future<?> one : rest) {
            try {
                one.get();
            } catch (ExecutionException error) {
                RuntimeException cause = error.getCause() instanceof RuntimeException found
                    ? found : new ConnectException(error.getCause());
                // What is not to be tried again is told before what is.
                failed = failed == null || failed instanceof RetriableException ? cause : failed;
            } catch (InterruptedException interrupted) {
                rest.forEach(each -> each.cancel(true));
                Thread.currentThread().interrupt();
                throw new RetriableException("interrupted while writing", interrupted);
            }
        }
        if (failed != null) {
            throw failed;
        }
    }

    private void carryInOrder(List<SinkRecord> records) {
        List<C> batch = new ArrayList<>();
        long size = 0;
        for (SinkRecord record : records) {
            C next = change(record);
            if (next == null) {
                continue;
            }
            boolean full = batch.size() == config.most()
                || size + next.size() > config.mostBytes();
            if (full && !batch.isEmpty()) {
                write(batch);
                batch = new ArrayList<>();
                size = 0;
            }
            batch.add(next);
            size += next.size();
        }
        if (!batch.isEmpty()) {
            write(batch);
        }
    }

    private C change(SinkRecord record) {
        try {
            return changes.of(record).orElse(null);
        } catch (DataException error) {
            malformed.put(record, error.getMessage());
            return null;
        }
    }

    /** Have something made that is written to for the first time, since the store was last away. */
    protected void once(String name, Making making) throws Unavailable, InterruptedException {
        if (made.contains(name)) {
            return;
        }
        try {
            making.make();
        } catch (Refused refused) {
            throw new ConnectException(name + " cannot be made: " + refused.getMessage());
        }
        made.add(name);
    }

    /** Send a batch until every change is done, or is told to be malformed. */
    private void write(List<C> batch) {
        List<C> left = batch;
        for (int tries = 0; ; tries++) {
            List<C> again = new ArrayList<>();
            String reason = "";
            try {
                List<Outcome> outcomes = send(left);
                for (int i = 0; i < left.size(); i++) {
                    Outcome one = outcomes.get(i);
                    if (one.retry()) {
                        again.add(left.get(i));
                        reason = one.reason();
                    } else if (one.reason() != null) {
                        malformed.put(left.get(i).record(), one.reason());
                    }
                }
            } catch (Refused refused) {
                divide(left, refused.getMessage());
                return;
            } catch (Unavailable unavailable) {
                again = left;
                reason = unavailable.getMessage();
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
                throw new RetriableException("interrupted while writing", interrupted);
            }
            if (again.isEmpty()) {
                return;
            }
            made.clear(); // it may come back without what it had
            left = again;
            pause(tries, left.size(), reason);
        }
    }

    /** Of a request that is refused as a whole, find out whose fault it is. */
    private void divide(List<C> batch, String reason) {
        if (batch.size() == 1) {
            malformed.put(batch.get(0).record(), reason);
            return;
        }
        int middle = batch.size() / 2;
        write(batch.subList(0, middle));
        write(batch.subList(middle, batch.size()));
    }

    /** Wait before the next try; raises what Connect takes for "give them to me again". */
    private void pause(int tries, int left, String reason) {
        long base = config.getLong(BatchConfig.BACKOFF);
        long longest = Math.min(LONGEST_WAIT_MS, base << Math.min(tries, 20));
        // Somewhere in the second half: tasks that failed together do not come back together.
        long wait = longest / 2 + ThreadLocalRandom.current().nextLong(longest / 2 + 1);
        String what = left + " records wait for the store: " + reason;
        if (tries >= config.getInt(BatchConfig.RETRIES)) {
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
        String what = Change.place(record) + ": " + reason;
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
