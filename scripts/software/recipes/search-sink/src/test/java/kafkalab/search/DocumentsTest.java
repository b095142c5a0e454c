package kafkalab.search;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import kafkalab.sink.Records;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.Test;

class DocumentsTest {

    private static SearchSinkConfig config(String... more) {
        Map<String, String> settings = Records.with(Map.of("connection.url", "http://s:9200"), more);
        return new SearchSinkConfig(settings);
    }

    private static String lines(SearchSinkConfig config, SinkRecord record) {
        return new String(new Documents(config).of(record).orElseThrow().lines(),
            StandardCharsets.UTF_8);
    }

    private static String head(String index, String id, long version) {
        return "{\"index\":{\"_index\":\"" + index + "\",\"_id\":\"" + id + "\",\"version\":"
            + version + ",\"version_type\":\"external\"}}\n";
    }

    @Test
    void aRecordWithASchemaIsADocumentOfItsFields() {
        Schema schema = SchemaBuilder.struct().field("name", Schema.STRING_SCHEMA)
            .field("price", Decimal.schema(2)).field("note", Schema.OPTIONAL_STRING_SCHEMA)
            .build();
        Struct value = new Struct(schema).put("name", "ä\n\"")
            .put("price", new BigDecimal("1.50"));
        SinkRecord record = new SinkRecord("Orders", 2, Schema.STRING_SCHEMA, "k", schema, value,
            9, 0L, TimestampType.CREATE_TIME);
        assertEquals(head("orders", "k", 9)
            + "{\"name\":\"ä\\n\\\"\",\"price\":1.50,\"note\":null}\n", lines(config(), record));
    }

    /** What JSON has itself goes a shorter way than what only Connect can write. */
    @Test
    void whatHasNoSchemaIsWrittenTheSameEitherWay() {
        Map<String, Object> value = new LinkedHashMap<>();
        value.put("t", "ä\n\"\u2028");
        value.put("n", -5L);
        value.put("d", 1e30);
        value.put("x", null);
        value.put("l", Arrays.asList(1L, true, null, Map.of("a", List.of())));
        String expected = "{\"t\":\"ä\\n\\\"\u2028\",\"n\":-5,\"d\":1.0E30,\"x\":null,"
            + "\"l\":[1,true,null,{\"a\":[]}]}\n";
        assertEquals(head("t", "ä\\\"", 1) + expected,
            lines(config(), Records.record("t", 0, 1, "ä\"", value)));
        value.put("b", new byte[] {1, 2}); // of this Connect's own converter makes text
        assertEquals(head("t", "k", 1) + expected.replace("]}\n", "],\"b\":\"AQI=\"}\n"),
            lines(config(), Records.record("t", 0, 1, "k", value)));
    }

    @Test
    void whatAKeyMayBe() {
        Map<Object, String> keys = Map.of("a b", "a b", 5L, "5", true, "true",
            "ü".getBytes(StandardCharsets.UTF_8), "ü");
        keys.forEach((key, id) -> assertTrue(
            lines(config(), Records.record("t", 0, 1, key, Map.of())).startsWith(head("t", id, 1))));
    }

    @Test
    void whatItMayNotBe() {
        Object[] keys = {null, "", "x".repeat(513), Map.of("a", 1), new byte[] {(byte) 0xff}};
        for (Object key : keys) {
            SinkRecord record = Records.record("t", 0, 1, key, Map.of());
            assertThrows(DataException.class, () -> new Documents(config()).of(record));
            assertTrue(lines(config("key.ignore", "true"), record).startsWith(
                head("t", "t+0+1", 1)));
        }
    }

    @Test
    void topicsMayHaveRulesOfTheirOwn() {
        SearchSinkConfig config = config("topic.key.ignore", "logs",
            "topic.index.map", "dc1.Orders:orders");
        assertTrue(lines(config, Records.record("logs", 0, 1, "k", Map.of()))
            .startsWith(head("logs", "logs+0+1", 1)));
        assertTrue(lines(config, Records.record("dc1.Orders", 0, 1, "k", Map.of()))
            .startsWith(head("orders", "k", 1)));
    }

    @Test
    void settingsThatCannotBeAreRefused() {
        String[][] wrong = {{"connection.url", ""}, {"topic.index.map", "a"},
            {"behavior.on.null.values", "keep"}, {"batch.size", "0"}, {"max.retries", "-1"}};
        for (String[] pair : wrong) {
            assertThrows(ConfigException.class, () -> config(pair), pair[0]);
        }
    }
}
