package kafkalab.hbase;

import java.io.IOException;
import java.util.List;
import org.apache.hadoop.hbase.client.Mutation;

/** The tables that the sink writes into. */
interface Tables extends AutoCloseable {

    /**
     * Make a table with a column family, where it is not there yet.
     *
     * @throws IOException where HBase cannot be asked, or refuses
     */
    void make(String table, String family) throws IOException;

    /**
     * Write, each by itself.
     *
     * @return for each mutation null where it is done, or why it is not
     * @throws IOException where nothing is known of any of them
     */
    List<Throwable> write(String table, List<Mutation> mutations)
        throws IOException, InterruptedException;

    @Override
    void close() throws IOException;
}
