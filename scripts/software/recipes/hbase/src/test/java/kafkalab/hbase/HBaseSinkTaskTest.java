package kafkalab.hbase;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import kafkalab.sink.FakeContext;
import kafkalab.sink.Records;
import org.apache.hadoop.hbase.NotServingRegionException;
import org.apache.hadoop.hbase.regionserver.NoSuchColumnFamilyException;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.Test;

class HBaseSinkTaskTest {

    private final FakeTables tables = new FakeTables();
    private final FakeContext context = new FakeContext();

    private HBaseSinkTask task(String... more) {
        Map<String, String> settings = Records.with(Map.of(
            "hbase.zookeeper.quorum", "zk:2181", "table.column.family", "d",
            "auto.create.tables", "true", "retry.backoff.ms", "1", "max.retries", "3",
            "behavior.on.null.values", "delete", "behavior.on.malformed.records", "report"), more);
        HBaseSinkTask made = new HBaseSinkTask();
        made.initialize(context);
        made.start(settings, tables);
        return made;
    }

    private static SinkRecord record(long offset, String key, Object value) {
        return Records.record("t", 0, offset, key, value);
    }

    private static Map<String, Object> fields(Object number) {
        return Map.of("n", number);
    }

    @Test
    void theLastRecordOfAKeyIsItsRow() {
        task().put(List.of(record(0, "a", Map.of("n", 1, "old", 1)), record(1, "a", fields(2)),
            record(2, "b", fields(3)), record(3, "b", null)));
        assertEquals(Map.of("t/a/d:n", "2"), tables.scan());
        assertEquals(Map.of("t", "d"), tables.tables);
    }

    @Test
    void aReplayChangesNothingWhateverIsSentAgain() {
        Random random = new Random(7);
        tables.shuffles = random;
        for (int round = 0; round < 40; round++) {
            String topic = "r" + round;
            List<SinkRecord> log = new ArrayList<>();
            Map<String, String> last = new TreeMap<>();
            for (long offset = 0; offset < 50; offset++) {
                String key = "k" + random.nextInt(6);
                String column = "c" + random.nextInt(3);
                boolean gone = random.nextInt(4) == 0;
                log.add(Records.record(topic, 0, offset, key, gone ? null : Map.of(column, offset)));
                last.keySet().removeIf(name -> name.startsWith(topic + "/" + key + "/"));
                if (!gone) {
                    last.put(topic + "/" + key + "/d:" + column, String.valueOf(offset));
                }
            }
            HBaseSinkTask task = task("max.batch.size", String.valueOf(1 + random.nextInt(20)));
            task.put(log);
            for (int again = 0; again < 3; again++) {
                int from = random.nextInt(50);
                task.put(log.subList(from, from + random.nextInt(50 - from) + 1));
            }
            Map<String, String> found = tables.scan();
            found.keySet().removeIf(name -> !name.startsWith(topic + "/"));
            assertEquals(last, found);
        }
        assertEquals(0, context.reports);
    }

    @Test
    void whatPassesIsTriedAgain() {
        tables.away.addAll(List.of(new IOException("a"), new IOException("b")));
        task().put(List.of(record(0, "a", fields(1))));
        assertEquals(Map.of("t/a/d:n", "1"), tables.scan());
        assertEquals(3, tables.sizes.size());
    }

    @Test
    void onlyWhatFailedIsSentAgain() {
        tables.single.add(new NotServingRegionException("moving"));
        task().put(List.of(record(0, "a", fields(1)), record(1, "b", fields(1)),
            record(2, "c", fields(1))));
        assertEquals(3, tables.scan().size());
        assertEquals(List.of(5, 1), tables.sizes);
    }

    @Test
    void anHBaseThatIsAwayCostsNoRecordAndReportsNone() {
        List<SinkRecord> records = List.of(record(0, "a", fields(1)), record(1, null, fields(1)));
        HBaseSinkTask task = task();
        tables.away.addAll(Collections.nCopies(4, new IOException("no region server\n at x")));
        RetriableException given = assertThrows(RetriableException.class, () -> task.put(records));
        assertTrue(given.getMessage().endsWith("IOException: no region server"),
            given.getMessage());
        assertTrue(context.waits > 0);
        assertEquals(0, context.reports);
        task.put(records);
        assertEquals(Map.of("t/a/d:n", "1"), tables.scan());
        assertEquals(1, context.reports);
    }

    @Test
    void malformedOnesAreReportedAndTheOthersLive() {
        SinkRecord huge = record(1, "b", fields("huge"));
        SinkRecord nameless = record(2, null, fields(1));
        SinkRecord empty = record(3, "d", Map.of());
        task().put(List.of(record(0, "a", fields(1)), huge, nameless, empty,
            record(4, "e", fields(1))));
        assertEquals(Map.of("t/a/d:n", "1", "t/e/d:n", "1"), tables.scan());
        assertEquals("DoNotRetryIOException: Cell exceeds limit", context.reported.get(huge));
        assertTrue(context.reported.get(nameless).contains("no key"));
        assertTrue(context.reported.get(empty).contains("no field"));
        assertEquals(3, context.reports);
    }

    @Test
    void whoWantsItToFailGetsThat() {
        HBaseSinkTask task = task("behavior.on.malformed.records", "fail");
        ConnectException failed = assertThrows(ConnectException.class,
            () -> task.put(List.of(record(3, null, fields(1)))));
        assertTrue(failed.getMessage().startsWith("t-0 at offset 3: "), failed.getMessage());
        task("behavior.on.malformed.records", "ignore").put(List.of(record(4, null, fields(1))));
        task("behavior.on.malformed.records", "warn").put(List.of(record(4, null, fields(1))));
        assertEquals(0, context.reports);
    }

    @Test
    void aTableIsMadeOnceAndAgainWhenItIsGone() {
        HBaseSinkTask task = task();
        task.put(List.of(record(0, "a", fields(1))));
        task.put(List.of(record(1, "a", fields(2))));
        assertEquals(1, tables.asked);
        tables.tables.clear();
        task.put(List.of(record(2, "a", fields(3))));
        assertEquals(Map.of("t/a/d:n", "3"), tables.scan());
        assertEquals(2, tables.asked);
    }

    @Test
    void aTableThatIsNotMadeIsWaitedFor() {
        HBaseSinkTask task = task("auto.create.tables", "false");
        List<SinkRecord> records = List.of(record(0, "a", fields(1)));
        assertThrows(RetriableException.class, () -> task.put(records));
        tables.tables.put("t", "d");
        task.put(records);
        assertEquals(Map.of("t/a/d:n", "1"), tables.scan());
    }

    @Test
    void aTableWithoutTheFamilyIsNoRecordsFault() {
        tables.single.add(new NoSuchColumnFamilyException("d"));
        ConnectException failed = assertThrows(ConnectException.class,
            () -> task().put(List.of(record(0, "a", fields(1)))));
        assertTrue(failed.getMessage().contains("no column family d"), failed.getMessage());
        assertEquals(0, context.reports);
    }

    @Test
    void batchesAreAsLargeAsTheyMayBeAndOfOneTableEach() {
        List<SinkRecord> records = new ArrayList<>();
        for (int i = 1; i <= 25; i++) {
            records.add(record(i, "k" + i, fields(i)));
        }
        task("max.batch.size", "10").put(records);
        assertEquals(List.of(20, 20, 10), tables.sizes);
        task().put(List.of(record(30, "x", fields(1)), Records.record("u", 0, 0, "x", fields(1))));
        assertEquals(27, tables.scan().size());
    }

    @Test
    void whatStopsLetsGo() {
        task().stop();
        assertTrue(tables.closed);
    }
}
