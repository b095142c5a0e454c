// A plain bulk loader of HBase, against which the lab's sink is measured: bench/loading.py compiles
// it and runs it beside the server. What it writes is made before its clock starts.
// java -cp SITE:JARS:CLASSES Loader TABLE FAMILY BATCH < ROWS
// A line of ROWS: the row's key, its cells' timestamp, then names and values, with tabs between.

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.Admin;
import org.apache.hadoop.hbase.client.ColumnFamilyDescriptorBuilder;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.Put;
import org.apache.hadoop.hbase.client.Table;
import org.apache.hadoop.hbase.client.TableDescriptorBuilder;

public final class Loader {
    private static final int CELLS = 2; // parts of a line before its cells

    public static void main(String[] args) throws IOException {
        TableName name = TableName.valueOf(args[0]);
        List<List<Put>> batches = read(bytes(args[1]), Integer.parseInt(args[2]));
        try (Connection connection = ConnectionFactory.createConnection(HBaseConfiguration.create())) {
            try (Admin admin = connection.getAdmin()) {
                admin.createTable(TableDescriptorBuilder.newBuilder(name)
                    .setColumnFamily(ColumnFamilyDescriptorBuilder.of(args[1])).build());
            }
            connection.getRegionLocator(name).getAllRegionLocations(); // it knows where to write
            try (Table table = connection.getTable(name)) {
                long began = System.nanoTime();
                for (List<Put> batch : batches) {
                    table.put(batch);
                }
                System.out.printf(Locale.ROOT, "loaded in %.3f s%n",
                    (System.nanoTime() - began) / 1e9);
            }
        }
    }

    private static List<List<Put>> read(byte[] family, int most) throws IOException {
        List<List<Put>> batches = new ArrayList<>();
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        List<Put> batch = List.of();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            if (batches.isEmpty() || batch.size() == most) {
                batch = new ArrayList<>();
                batches.add(batch);
            }
            String[] parts = line.split("\t", -1);
            Put put = new Put(bytes(parts[0]), Long.parseLong(parts[1]));
            for (int at = CELLS; at < parts.length; at += 2) {
                put.addColumn(family, bytes(parts[at]), bytes(parts[at + 1]));
            }
            batch.add(put);
        }
        return batches;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
