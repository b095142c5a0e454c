package kafkalab.hbase;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.hadoop.hbase.Cell;
import org.apache.hadoop.hbase.CellUtil;
import org.apache.hadoop.hbase.DoNotRetryIOException;
import org.apache.hadoop.hbase.TableNotFoundException;
import org.apache.hadoop.hbase.client.Mutation;
import org.apache.hadoop.hbase.client.Put;

/** Tables as HBase has them: of a column the newest cell counts, unless it was deleted since. */
final class FakeTables implements Tables {
    final Map<String, String> tables = new TreeMap<>(); // and their family
    final Deque<IOException> away = new ArrayDeque<>(); // of the next requests
    final Deque<Throwable> single = new ArrayDeque<>(); // of the next mutations
    final List<Integer> sizes = new ArrayList<>(); // of each request
    int asked; // to make a table
    boolean closed;
    Random shuffles; // the order in which a batch is carried out, where that is not to matter
    private final Map<String, TreeMap<Long, String>> cells = new TreeMap<>();
    private final Map<String, Long> deleted = new HashMap<>(); // up to which timestamp, by row

    @Override
    public void make(String table, String family) throws IOException {
        asked++;
        tables.putIfAbsent(table, family);
    }

    @Override
    public List<Throwable> write(String table, List<Mutation> mutations) throws IOException {
        sizes.add(mutations.size());
        if (!away.isEmpty()) {
            throw away.poll();
        }
        List<Integer> order = new ArrayList<>();
        List<Throwable> found = new ArrayList<>();
        for (int i = 0; i < mutations.size(); i++) {
            order.add(i);
            found.add(null);
        }
        if (shuffles != null) {
            Collections.shuffle(order, shuffles);
        }
        for (int at : order) {
            found.set(at, one(table, mutations.get(at)));
        }
        return found;
    }

    private Throwable one(String table, Mutation mutation) {
        if (!tables.containsKey(table)) {
            return new TableNotFoundException(table);
        }
        if (!single.isEmpty()) {
            return single.poll();
        }
        String row = table + "/" + text(mutation.getRow());
        for (List<Cell> several : mutation.getFamilyCellMap().values()) {
            for (Cell cell : several) {
                String value = text(CellUtil.cloneValue(cell));
                if (value.equals("huge")) {
                    return new DoNotRetryIOException("Cell exceeds limit");
                }
                if (mutation instanceof Put) {
                    String name = row + "/" + text(CellUtil.cloneFamily(cell)) + ":"
                        + text(CellUtil.cloneQualifier(cell));
                    cells.computeIfAbsent(name, one -> new TreeMap<>())
                        .put(cell.getTimestamp(), value);
                } else {
                    deleted.merge(row, cell.getTimestamp(), Math::max);
                }
            }
        }
        return null;
    }

    /** What a scan would find, by table/row/family:column. */
    Map<String, String> scan() {
        Map<String, String> found = new TreeMap<>();
        cells.forEach((name, versions) -> {
            String row = name.substring(0, name.lastIndexOf('/'));
            if (versions.lastKey() > deleted.getOrDefault(row, -1L)) {
                found.put(name, versions.lastEntry().getValue());
            }
        });
        return found;
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        closed = true;
    }
}
