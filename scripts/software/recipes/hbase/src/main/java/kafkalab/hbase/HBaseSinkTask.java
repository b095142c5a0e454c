package kafkalab.hbase;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import kafkalab.sink.BatchTask;
import kafkalab.sink.Outcome;
import kafkalab.sink.Refused;
import kafkalab.sink.Unavailable;
import org.apache.hadoop.hbase.DoNotRetryIOException;
import org.apache.hadoop.hbase.client.Mutation;
import org.apache.hadoop.hbase.regionserver.NoSuchColumnFamilyException;
import org.apache.kafka.connect.errors.ConnectException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes records as rows, into tables that it makes where it may. */
public class HBaseSinkTask extends BatchTask<RowChange> {

    private static final Logger LOG = LoggerFactory.getLogger(HBaseSinkTask.class);

    private HBaseSinkConfig config;
    private Tables tables;

    @Override
    public void start(Map<String, String> settings) {
        start(settings, new HBaseTables(new HBaseSinkConfig(settings).client()));
    }

    void start(Map<String, String> settings, Tables there) {
        config = new HBaseSinkConfig(settings);
        tables = there;
        begin(config, new Rows(config));
    }

    @Override
    public void stop() {
        super.stop();
        try {
            if (tables != null) {
                tables.close();
            }
        } catch (IOException error) {
            LOG.warn("the connection was not closed: {}", HBaseTables.told(error));
        }
    }

    @Override
    protected List<Outcome> send(List<RowChange> batch) throws InterruptedException {
        Map<String, List<Integer>> places = new LinkedHashMap<>(); // in the batch, by table
        for (int i = 0; i < batch.size(); i++) {
            places.computeIfAbsent(batch.get(i).table(), name -> new ArrayList<>()).add(i);
        }
        Outcome[] found = new Outcome[batch.size()];
        for (Map.Entry<String, List<Integer>> one : places.entrySet()) {
            List<RowChange> mine = one.getValue().stream().map(batch::get).toList();
            List<Outcome> outcomes = table(one.getKey(), mine);
            for (int i = 0; i < mine.size(); i++) {
                found[one.getValue().get(i)] = outcomes.get(i);
            }
        }
        return Arrays.asList(found);
    }

    /** The outcomes of changes of one table. */
    private List<Outcome> table(String table, List<RowChange> changes)
            throws InterruptedException {
        List<Throwable> failures;
        try {
            if (config.getBoolean(HBaseSinkConfig.CREATE)) {
                once("the table " + table, () -> make(table, changes.get(0).family()));
            }
            failures = tables.write(
                table, changes.stream().flatMap(one -> one.mutations().stream()).toList());
        } catch (Unavailable away) {
            return again(changes, away.getMessage());
        } catch (IOException away) {
            return again(changes, HBaseTables.told(away));
        }
        List<Outcome> found = new ArrayList<>();
        int at = 0;
        for (RowChange one : changes) {
            List<Mutation> mine = one.mutations();
            found.add(failures.subList(at, at += mine.size()).stream().filter(Objects::nonNull)
                .findFirst().map(failure -> outcome(one, failure)).orElse(Outcome.DONE));
        }
        return found;
    }

    private void make(String table, String family) throws Unavailable, Refused {
        try {
            tables.make(table, family);
        } catch (DoNotRetryIOException | IllegalArgumentException refused) {
            throw new Refused(HBaseTables.told(refused));
        } catch (IOException away) {
            throw new Unavailable(HBaseTables.told(away));
        }
    }

    private static List<Outcome> again(List<RowChange> changes, String reason) {
        return changes.stream().map(one -> new Outcome(true, reason)).toList();
    }

    private static Outcome outcome(RowChange change, Throwable failure) {
        if (failure instanceof NoSuchColumnFamilyException) {
            throw new ConnectException("the table " + change.table() + " has no column family "
                + change.family() + "; name one that it has in " + HBaseSinkConfig.FAMILY);
        }
        // Exactly this class is said of a cell that is too large; those below it are not the
        // record's fault: no such table, say, or no permission.
        return new Outcome(failure.getClass() != DoNotRetryIOException.class,
            HBaseTables.told(failure));
    }
}
