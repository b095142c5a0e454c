package kafkalab.search;

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
import java.util.concurrent.CountDownLatch;
import kafkalab.sink.FakeContext;
import kafkalab.sink.Records;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SearchSinkTaskTest {

    private FakeStore store;
    private final FakeContext context = new FakeContext();

    @BeforeEach
    void begin() throws IOException {
        store = new FakeStore();
    }

    @AfterEach
    void end() {
        store.close();
    }

    private SearchSinkTask task(String... more) {
        Map<String, String> settings = Records.with(Map.of(
            "connection.url", store.address(), "retry.backoff.ms", "1", "max.retries", "3",
            "behavior.on.null.values", "delete", "behavior.on.malformed.documents", "report"), more);
        SearchSinkTask made = new SearchSinkTask();
        made.initialize(context);
        made.start(settings);
        return made;
    }

    private static SinkRecord record(long offset, String key, Object value) {
        return Records.record("T", 0, offset, key, value);
    }

    private static Map<String, Object> document(Object number) {
        return Map.of("n", number);
    }

    @Test
    void aRecordBecomesADocumentOfItsKey() {
        task().put(List.of(record(0, "a", document(1)), record(1, "a", document(2))));
        assertEquals(Map.of("t/a", "{\"n\":2}"), store.documents);
    }

    @Test
    void orOfItsPlace() {
        task("key.ignore", "true").put(List.of(record(7, "a", document(1)),
            record(8, null, document(1)), record(9, "a", null)));
        assertEquals(Map.of("t/T+0+7", "{\"n\":1}", "t/T+0+8", "{\"n\":1}"), store.documents);
    }

    @Test
    void aTombstoneTakesTheDocumentAway() {
        SearchSinkTask task = task();
        task.put(List.of(record(0, "a", document(1)), record(1, "b", document(1))));
        task.put(List.of(record(2, "a", null), record(3, "never", null)));
        assertEquals(Map.of("t/b", "{\"n\":1}"), store.documents);
        assertEquals(0, context.reports);
    }

    @Test
    void aReplayChangesNothingWhateverIsSentAgain() {
        Random random = new Random(7);
        for (int round = 0; round < 40; round++) {
            List<SinkRecord> log = new ArrayList<>();
            Map<String, String> last = new TreeMap<>();
            for (long offset = 0; offset < 50; offset++) {
                String key = "k" + random.nextInt(6);
                boolean gone = random.nextInt(4) == 0;
                log.add(Records.record("r" + round, 0, offset, key, gone ? null : document(offset)));
                if (gone) {
                    last.remove("r" + round + "/" + key);
                } else {
                    last.put("r" + round + "/" + key, "{\"n\":" + offset + "}");
                }
            }
            SearchSinkTask task = task("batch.size", String.valueOf(1 + random.nextInt(20)));
            task.put(log);
            for (int again = 0; again < 3; again++) {
                int from = random.nextInt(50);
                task.put(log.subList(from, from + random.nextInt(50 - from) + 1));
            }
            String mine = "r" + round + "/";
            Map<String, String> found = new TreeMap<>(store.documents);
            found.keySet().removeIf(name -> !name.startsWith(mine));
            assertEquals(last, found);
        }
        assertEquals(0, context.reports);
    }

    /** Of many records several requests go at once, and a key's records never in two of them. */
    @Test
    void manyRecordsGoInSeveralRequestsAtOnceEachKeyInOne() throws Exception {
        List<SinkRecord> log = new ArrayList<>();
        Map<String, String> last = new TreeMap<>();
        for (long offset = 0; offset < 1600; offset++) {
            String key = "k" + offset % 70;
            boolean gone = offset % 7 == 3;
            log.add(record(offset, key, gone ? null : document(offset)));
            last.put("t/" + key, "{\"n\":" + offset + "}");
            if (gone) {
                last.remove("t/" + key);
            }
        }
        store.meeting = new CountDownLatch(3);
        store.versioned = false; // so the order in which they come decides
        task("max.in.flight.requests", "5").put(log);
        assertEquals(last, store.documents);
        assertEquals(3, store.together);
        assertEquals(3, store.requests.size());
        task("max.in.flight.requests", "5").put(log.subList(0, 900));
        assertEquals(4, store.requests.size(), "few go in one");
    }

    @Test
    void whatOnePartOfThemFailsForIsToldWhenAllAreDone() {
        List<SinkRecord> log = new ArrayList<>();
        for (long offset = 0; offset < 1000; offset++) {
            log.add(record(offset, "k" + offset, document(offset)));
        }
        SearchSinkTask task = task("max.retries", "0");
        store.failures.add(503);
        assertThrows(RetriableException.class, () -> task.put(log));
        assertTrue(store.documents.size() > 300 && store.documents.size() < 700);
        task.put(log);
        assertEquals(1000, store.documents.size());
        task.stop();
    }

    @Test
    void whatPassesIsTriedAgain() {
        store.failures.addAll(List.of(503, 429, 500));
        task().put(List.of(record(0, "a", document(1))));
        assertEquals(Map.of("t/a", "{\"n\":1}"), store.documents);
        assertEquals(4, store.requests.size());
    }

    @Test
    void onlyWhatFailedIsSentAgain() {
        store.busy.addAll(List.of(200, 429, 503));
        task("batch.size", "10").put(List.of(record(0, "a", document(1)),
            record(1, "b", document(1)), record(2, "c", document(1))));
        assertEquals(3, store.documents.size());
        assertEquals(2, store.requests.size());
    }

    @Test
    void aStoreThatIsAwayCostsNoRecordAndReportsNone() {
        List<SinkRecord> records = List.of(record(0, "a", document(1)), record(1, "b", "no object"));
        SearchSinkTask task = task();
        store.failures.addAll(Collections.nCopies(4, 503));
        RetriableException given = assertThrows(RetriableException.class, () -> task.put(records));
        assertTrue(given.getMessage().contains("HTTP 503 t: no"), given.getMessage());
        assertTrue(context.waits > 0);
        assertEquals(0, context.reports);
        task.put(records);
        assertEquals(Map.of("t/a", "{\"n\":1}"), store.documents);
        assertEquals(1, context.reports);
    }

    @Test
    void anAddressWhereNobodyIsIsTriedAgain() {
        String there = store.address();
        task("connection.url", "http://127.0.0.1:1," + there)
            .put(List.of(record(0, "a", document(1))));
        assertEquals(1, store.documents.size());
    }

    @Test
    void malformedOnesAreReportedAndTheOthersLive() {
        SinkRecord typed = record(1, "b", Map.of("age", "old"));
        SinkRecord text = record(2, "c", "{}");
        SinkRecord nameless = record(3, null, document(1));
        SinkRecord list = record(4, "e", List.of(1));
        task().put(List.of(record(0, "a", document(1)), typed, text, nameless, list,
            record(5, "f", document(2))));
        assertEquals(Map.of("t/a", "{\"n\":1}", "t/f", "{\"n\":2}"), store.documents);
        assertEquals("mapper_parsing_exception: so", context.reported.get(typed));
        assertTrue(context.reported.get(text).contains("of the type String"));
        assertTrue(context.reported.get(nameless).contains("no key"));
        assertTrue(context.reported.get(list).contains("no object"));
        assertEquals(4, context.reports);
    }

    @Test
    void oneThatSpoilsAWholeRequestIsFound() {
        SinkRecord bad = record(5, "x", Map.of("n", "poison"));
        List<SinkRecord> records = new ArrayList<>();
        for (int i = 0; i < 9; i++) {
            records.add(i == 5 ? bad : record(i, "k" + i, document(i)));
        }
        task().put(records);
        assertEquals(8, store.documents.size());
        assertEquals(Map.of(bad, "HTTP 400 parse_exception: poison"), context.reported);
    }

    @Test
    void whoWantsItToFailGetsThat() {
        SearchSinkTask task = task("behavior.on.malformed.documents", "fail");
        ConnectException failed = assertThrows(ConnectException.class,
            () -> task.put(List.of(record(3, "a", "text"))));
        assertTrue(failed.getMessage().startsWith("T-0 at offset 3: "), failed.getMessage());
        SearchSinkTask nulls = task("behavior.on.null.values", "fail",
            "behavior.on.malformed.documents", "fail");
        assertThrows(ConnectException.class, () -> nulls.put(List.of(record(4, "a", null))));
        SearchSinkTask ignoring = task("behavior.on.null.values", "ignore",
            "behavior.on.malformed.documents", "ignore");
        ignoring.put(List.of(record(5, "a", null), record(6, "b", "text")));
        assertEquals(0, context.reports);
    }

    @Test
    void anIndexIsMadeOnceWithItsSettings() {
        String settings = "{\"number_of_replicas\":0}";
        SearchSinkTask task = task("index.settings", settings);
        task.put(List.of(record(0, "a", document(1))));
        task.put(List.of(record(1, "a", document(2))));
        assertEquals(Map.of("/t", "{\"settings\":" + settings + "}"), store.indices);
        assertEquals(3, store.requests.size());
        task("index.settings", settings).put(List.of(record(2, "a", document(3))));
        assertEquals(Map.of("t/a", "{\"n\":3}"), store.documents);
    }

    @Test
    void requestsAreAsLargeAsTheyMayBe() {
        List<SinkRecord> records = new ArrayList<>();
        for (int i = 0; i < 25; i++) {
            records.add(record(i, "k" + i, document(i)));
        }
        task("batch.size", "10").put(records);
        assertEquals(3, store.requests.size());
        task("bulk.size.bytes", "1024").put(records);
        assertTrue(store.requests.size() > 5, store.requests.toString());
        assertEquals(25, store.documents.size());
    }
}
