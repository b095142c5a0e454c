package kafkalab.hbase;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import kafkalab.sink.Records;
import org.apache.hadoop.hbase.Cell;
import org.apache.hadoop.hbase.CellUtil;
import org.apache.hadoop.hbase.client.Delete;
import org.apache.hadoop.hbase.client.Mutation;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.Test;

class RowsTest {

    private static HBaseSinkConfig config(String... more) {
        Map<String, String> settings = Records.with(Map.of(
            "hbase.zookeeper.quorum", "zk:2181", "table.column.family", "d",
            "behavior.on.null.values", "delete"), more);
        return new HBaseSinkConfig(settings);
    }

    private static Optional<RowChange> of(SinkRecord record, String... more) {
        return new Rows(config(more)).of(record);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** The columns of a record's row, all with its offset as their timestamp. */
    private static Map<String, String> cells(SinkRecord record, String... more) {
        List<Mutation> mutations = of(record, more).orElseThrow().mutations();
        Map<String, String> found = new TreeMap<>();
        Mutation put = mutations.get(mutations.size() - 1);
        put.getFamilyCellMap().values().forEach(several -> several.forEach(cell -> {
            assertEquals(record.kafkaOffset(), cell.getTimestamp());
            found.put(text(CellUtil.cloneFamily(cell)) + ":" + text(
                CellUtil.cloneQualifier(cell)), text(CellUtil.cloneValue(cell)));
        }));
        return found;
    }

    private static String row(SinkRecord record, String... more) {
        return text(of(record, more).orElseThrow().mutations().get(0).getRow());
    }

    private static SinkRecord valued(Object value) {
        return Records.record("t", 0, 7, "k", value);
    }

    private static SinkRecord keyed(Object key) {
        return Records.record("t", 0, 7, key, Map.of("n", 1));
    }

    @Test
    void withAndWithoutSchemaARowIsTheSame() {
        Schema place = SchemaBuilder.struct().field("lat", Schema.FLOAT64_SCHEMA).build();
        Schema schema = SchemaBuilder.struct().field("city", Schema.STRING_SCHEMA)
            .field("n", Schema.INT64_SCHEMA).field("ok", Schema.BOOLEAN_SCHEMA)
            .field("place", place).field("none", Schema.OPTIONAL_STRING_SCHEMA)
            .field("tags", SchemaBuilder.array(Schema.STRING_SCHEMA).build()).build();
        Struct struct = new Struct(schema).put("city", "서울").put("n", 5L).put("ok", true)
            .put("place", new Struct(place).put("lat", 37.5)).put("tags", List.of("a", "<b>"));
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("city", "서울");
        map.put("n", 5L);
        map.put("ok", true);
        map.put("place", Map.of("lat", 37.5));
        map.put("none", null);
        map.put("tags", List.of("a", "<b>"));
        Map<String, String> expected = Map.of("d:city", "서울", "d:n", "5", "d:ok", "true",
            "d:place", "{\"lat\":37.5}", "d:tags", "[\"a\",\"<b>\"]");
        assertEquals(expected, cells(valued(struct)));
        assertEquals(expected, cells(valued(map)));
    }

    @Test
    void valuesAreAsAPersonWouldWriteThem() {
        assertEquals(Map.of("d:b", "raw", "d:d", "1.50", "d:big", "1000", "d:t",
            "1970-01-01T00:00:01Z"), cells(valued(Map.of(
                "b", ByteBuffer.wrap("raw".getBytes(StandardCharsets.UTF_8)),
                "d", new BigDecimal("1.50"), "big", new BigDecimal("1E+3"), "t", new Date(1000)))));
        assertEquals(Map.of("d:KAFKA_VALUE", "5"), cells(valued(5)));
        assertEquals(Map.of("d:KAFKA_VALUE", "raw"),
            cells(valued("raw".getBytes(StandardCharsets.UTF_8))));
    }

    @Test
    void aRecordReplacesAllThatTheRowHadBefore() {
        List<Mutation> mutations = of(valued(Map.of("n", 1))).orElseThrow().mutations();
        assertEquals(2, mutations.size());
        Cell before = mutations.get(0).getFamilyCellMap().values().iterator().next().get(0);
        assertTrue(mutations.get(0) instanceof Delete && CellUtil.isDeleteFamily(before));
        assertEquals(6, before.getTimestamp());
        assertEquals(1, of(Records.record("t", 0, 0, "k", Map.of("n", 1))).orElseThrow()
            .mutations().size());
    }

    @Test
    void aTombstoneDeletesWhatWasUpToIt() {
        List<Mutation> mutations = of(valued(null)).orElseThrow().mutations();
        assertEquals(1, mutations.size());
        Cell cell = mutations.get(0).getFamilyCellMap().values().iterator().next().get(0);
        assertTrue(CellUtil.isDeleteFamily(cell));
        assertEquals(7, cell.getTimestamp());
        assertTrue(of(valued(null), "key.ignore", "true").isEmpty());
        assertTrue(of(valued(null), "behavior.on.null.values", "ignore").isEmpty());
        assertThrows(DataException.class, () -> of(valued(null), "behavior.on.null.values", "fail"));
    }

    @Test
    void aRowIsNamedByItsKeyOrItsPlace() {
        assertEquals("k", row(valued(Map.of("n", 1))));
        assertEquals("12", row(keyed(12)));
        assertEquals("raw", row(keyed("raw".getBytes(StandardCharsets.UTF_8))));
        assertEquals("t+0+000000000007", row(keyed(null), "key.ignore", "true"));
    }

    @Test
    void aKeyOfFieldsIsJoined() {
        Schema schema = SchemaBuilder.struct().field("a", Schema.STRING_SCHEMA)
            .field("b", Schema.INT32_SCHEMA).build();
        Struct key = new Struct(schema).put("a", "x").put("b", 3);
        assertEquals("x3", row(keyed(key)));
        assertEquals("3|x", row(keyed(key), "row.key.definition", "b,a", "row.key.delimiter", "|"));
        assertThrows(DataException.class, () -> row(keyed(key), "row.key.definition", "c"));
    }

    @Test
    void whatIsNoRowIsToldWithTheReason() {
        List<SinkRecord> wrong = new ArrayList<>(List.of(keyed(null), keyed(""),
            keyed("x".repeat(32768)), valued(Map.of())));
        wrong.add(valued(Map.of("", 1)));
        Map<String, Object> none = new HashMap<>();
        none.put("a", null);
        wrong.add(valued(none));
        for (SinkRecord one : wrong) {
            DataException error = assertThrows(DataException.class, () -> of(one));
            assertTrue(error.getMessage().startsWith("it"), error.getMessage());
        }
        assertEquals("x".repeat(32767), row(keyed("x".repeat(32767))));
    }

    @Test
    void tablesAndFamiliesAreCalledAsTheSettingsSay() {
        HBaseSinkConfig found = config("table.name.format", "kafka-${topic}",
            "table.column.family", "${topic}", "topic.table.map", "a:b, c:d");
        assertEquals("kafka-t", found.table("t"));
        assertEquals("d", found.table("c"));
        assertEquals("t", found.family("t"));
        assertThrows(ConfigException.class, () -> config("topic.table.map", "a"));
        assertThrows(ConfigException.class, () -> config("table.column.family", ""));
    }

    @Test
    void settingsOfHBaseGoToItsClient() {
        assertEquals(Map.of("hbase.zookeeper.quorum", "zk:2181", "zookeeper.znode.parent", "/h"),
            config("zookeeper.znode.parent", "/h", "max.retries", "1").client());
    }
}
