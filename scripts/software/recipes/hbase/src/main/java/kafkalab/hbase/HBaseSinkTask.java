package kafkalab.hbase;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.hadoop.hbase.DoNotRetryIOException;
import org.apache.hadoop.hbase.client.Mutation;
import org.apache.hadoop.hbase.regionserver.NoSuchColumnFamilyException;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes records in batches, and returns only when HBase has all of them.
 *
 * <p>So Connect commits no offset of a record that is not there. An HBase that is away costs time and
 * no record: after some tries the task hands its records back, and Connect gives them to it again.
 */
public class HBaseSinkTask extends SinkTask {

    private static final Logger LOG = LoggerFactory.getLogger(HBaseSinkTask.class);
    private static final long LONGEST_WAIT_MS = 10_000;

    private HBaseSinkConfig config;
    private Rows rows;
    private Tables tables;
    private ErrantRecordReporter reporter;
    private final Set<String> made = new HashSet<>();
    private final Map<SinkRecord, String> malformed = new IdentityHashMap<>(); // of this put

    @Override
    public String version() {
        return HBaseSinkConnector.VERSION;
    }

    @Override
    public void start(Map<String, String> settings) {
        start(settings, new HBaseTables(new HBaseSinkConfig(settings).client()));
    }

    void start(Map<String, String> settings, Tables there) {
        config = new HBaseSinkConfig(settings);
        rows = new Rows(config);
        tables = there;
        reporter = context == null ? null : context.errantRecordReporter();
    }

    @Override
    public void put(Collection<SinkRecord> records) {
        malformed.clear();
        int most = config.getInt(HBaseSinkConfig.BATCH);
        List<Change> batch = new ArrayList<>();
        for (SinkRecord record : records) {
            Change next = change(record);
            if (next != null) {
                batch.add(next);
            }
            if (batch.size() == most) {
                write(batch);
                batch = new ArrayList<>();
            }
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
        try {
            if (tables != null) {
                tables.close();
            }
        } catch (IOException error) {
            LOG.warn("the connection was not closed: {}", HBaseTables.told(error));
        }
    }

    private Change change(SinkRecord record) {
        try {
            return rows.of(record).orElse(null);
        } catch (DataException error) {
            malformed.put(record, error.getMessage());
            return null;
        }
    }

    /** Send a batch until every change is made, or is told to be malformed. */
    private void write(List<Change> batch) {
        List<Change> left = batch;
        for (int tries = 0; ; tries++) {
            List<Change> again = new ArrayList<>();
            String reason = "";
            for (Map.Entry<String, List<Change>> one : byTable(left).entrySet()) {
                try {
                    String failed = once(one.getKey(), one.getValue(), again);
                    reason = failed.isEmpty() ? reason : failed;
                } catch (IOException away) {
                    again.addAll(one.getValue());
                    reason = HBaseTables.told(away);
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                    throw new RetriableException("interrupted while writing", interrupted);
                }
            }
            if (again.isEmpty()) {
                return;
            }
            made.clear(); // it may come back without what it had
            left = again;
            pause(tries, left.size(), reason);
        }
    }

    private static Map<String, List<Change>> byTable(List<Change> changes) {
        Map<String, List<Change>> found = new LinkedHashMap<>();
        changes.forEach(one ->
            found.computeIfAbsent(one.table(), name -> new ArrayList<>()).add(one));
        return found;
    }

    /** Send changes of one table; what is to be sent again goes to `again`. Why, or "". */
    private String once(String table, List<Change> changes, List<Change> again)
            throws IOException, InterruptedException {
        if (config.getBoolean(HBaseSinkConfig.CREATE) && !made.contains(table)) {
            try {
                tables.make(table, changes.get(0).family());
            } catch (DoNotRetryIOException | IllegalArgumentException refused) {
                throw new ConnectException(
                    "the table " + table + " cannot be made: " + HBaseTables.told(refused));
            }
            made.add(table);
        }
        List<Mutation> mutations = new ArrayList<>();
        changes.forEach(one -> mutations.addAll(one.mutations()));
        List<Throwable> failures = tables.write(table, mutations);
        String reason = "";
        int at = 0;
        for (Change one : changes) {
            List<Throwable> mine = failures.subList(at, at += one.mutations().size())
                .stream().filter(failure -> failure != null).toList();
            if (mine.isEmpty()) {
                continue;
            }
            Throwable failure = mine.get(0);
            if (failure instanceof NoSuchColumnFamilyException) {
                throw new ConnectException("the table " + table + " has no column family "
                    + one.family() + "; name one that it has in " + HBaseSinkConfig.FAMILY);
            }
            // Exactly this class is said of a cell that is too large; those below it are not the
            // record's fault: no such table, say, or no permission.
            if (failure.getClass() == DoNotRetryIOException.class) {
                malformed.put(one.record(), HBaseTables.told(failure));
            } else {
                again.add(one);
                reason = HBaseTables.told(failure);
            }
        }
        return reason;
    }

    /** Wait before the next try; raises what Connect takes for "give them to me again". */
    private void pause(int tries, int left, String reason) {
        long base = config.getLong(HBaseSinkConfig.BACKOFF);
        long longest = Math.min(LONGEST_WAIT_MS, base << Math.min(tries, 20));
        // Somewhere in the second half: tasks that failed together do not come back together.
        long wait = longest / 2 + ThreadLocalRandom.current().nextLong(longest / 2 + 1);
        String what = left + " records wait for HBase: " + reason;
        if (tries >= config.getInt(HBaseSinkConfig.RETRIES)) {
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
