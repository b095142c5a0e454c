package kafkalab.hbase;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.TableExistsException;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.Admin;
import org.apache.hadoop.hbase.client.ColumnFamilyDescriptorBuilder;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.Mutation;
import org.apache.hadoop.hbase.client.RetriesExhaustedWithDetailsException;
import org.apache.hadoop.hbase.client.Table;
import org.apache.hadoop.hbase.client.TableDescriptorBuilder;

/** The tables of a running HBase. It is not asked before there is something to write. */
class HBaseTables implements Tables {

    /** A client that gives up soon: whether to try again is for the task to say. */
    private static final Map<String, String> PATIENCE = Map.of(
        "hbase.client.retries.number", "2",
        "hbase.client.pause", "100",
        "hbase.rpc.timeout", "10000",
        "hbase.client.operation.timeout", "20000",
        "hbase.client.meta.operation.timeout", "10000",
        "hbase.client.start.log.errors.counter", "10",
        "zookeeper.recovery.retry", "1");

    private final Configuration settings;
    private Connection connection;

    HBaseTables(Map<String, String> given) {
        settings = configured(PATIENCE, given);
    }

    /** The settings of the server that this runs in, for a client of its own. */
    static Configuration ofServer() {
        Configuration made = HBaseConfiguration.create();
        PATIENCE.forEach(made::set);
        return made;
    }

    /** HBase's own defaults with what is said after each other. */
    @SafeVarargs
    static Configuration configured(Map<String, String>... said) {
        // Its defaults are beside its classes, which the caller's loader may not have.
        Configuration made = new Configuration(false);
        made.setClassLoader(HBaseTables.class.getClassLoader());
        made.addResource("core-default.xml");
        HBaseConfiguration.addHbaseResources(made);
        for (Map<String, String> each : said) {
            each.forEach(made::set);
        }
        return made;
    }

    private Connection connection() throws IOException {
        if (connection == null) {
            connection = ConnectionFactory.createConnection(settings);
        }
        return connection;
    }

    @Override
    public void make(String table, String family) throws IOException {
        TableName name = TableName.valueOf(table);
        try (Admin admin = connection().getAdmin()) {
            if (admin.tableExists(name)) {
                return;
            }
            admin.createTable(TableDescriptorBuilder.newBuilder(name)
                .setColumnFamily(ColumnFamilyDescriptorBuilder.of(family)).build());
        } catch (TableExistsException another) {
            return; // another task was first
        }
    }

    @Override
    public List<Throwable> write(String table, List<Mutation> mutations)
            throws IOException, InterruptedException {
        Object[] results = new Object[mutations.size()];
        try (Table one = connection().getTable(TableName.valueOf(table))) {
            one.batch(mutations, results);
        } catch (RetriesExhaustedWithDetailsException some) {
            // Rows are equal by their keys alone, and a record changes its row twice.
            for (int i = 0; i < some.getNumExceptions(); i++) {
                for (int at = 0; at < results.length; at++) {
                    if (mutations.get(at) == some.getRow(i) && results[at] == null) {
                        results[at] = some.getCause(i);
                    }
                }
            }
        }
        return Arrays.stream(results).map(HBaseTables::failure).toList();
    }

    private static Throwable failure(Object result) {
        if (result == null) {
            return new IOException("HBase did not answer");
        }
        return result instanceof Throwable thrown ? thrown : null;
    }

    @Override
    public void close() throws IOException {
        if (connection != null) {
            connection.close();
        }
    }

    /** What is told of a failure: its kind and the first line of what it says. */
    static String told(Throwable failure) {
        String text = String.valueOf(failure.getMessage());
        int end = text.indexOf('\n');
        String first = end < 0 ? text : text.substring(0, end);
        return failure.getClass().getSimpleName() + ": " + first;
    }
}
