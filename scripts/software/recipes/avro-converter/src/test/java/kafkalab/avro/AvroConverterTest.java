package kafkalab.avro;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.errors.RetriableException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class AvroConverterTest {

    private final Map<String, String> answers = new HashMap<>(); // by id
    private final List<String> asked = new ArrayList<>();
    private final AvroConverter converter = new AvroConverter();
    private HttpServer registry;
    private int status = 200;

    @BeforeEach
    void begin() throws IOException {
        registry = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        registry.createContext("/api/schemas/ids/", this::answer);
        registry.start();
        converter.configure(Map.of(AvroConverter.URL,
            "http://127.0.0.1:" + registry.getAddress().getPort() + "/api/"), false);
    }

    @AfterEach
    void end() {
        registry.stop(0);
    }

    private void answer(HttpExchange exchange) throws IOException {
        String id = exchange.getRequestURI().getPath().replaceAll(".*/", "");
        asked.add(id);
        byte[] body = answers.getOrDefault(id, "{}").getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(
            status == 200 && !answers.containsKey(id) ? 404 : status, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private Schema register(int id, String schema) throws IOException {
        answers.put(String.valueOf(id),
            new ObjectMapper().writeValueAsString(Map.of("schema", schema)));
        return new Schema.Parser().parse(schema);
    }

    private static Schema record(String fields) {
        return new Schema.Parser().parse(text(fields));
    }

    private static String text(String fields) {
        return "{\"type\":\"record\",\"name\":\"P\",\"fields\":[" + fields + "]}";
    }

    private static byte[] written(int id, Schema schema, Object value) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(0);
        out.write(ByteBuffer.allocate(Integer.BYTES).putInt(id).array());
        BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
        new GenericDatumWriter<>(schema).write(value, encoder);
        encoder.flush();
        return out.toByteArray();
    }

    private Struct read(byte[] value) {
        SchemaAndValue found = converter.toConnectData("t", value);
        Struct struct = (Struct) found.value();
        assertEquals(found.schema(), struct.schema());
        struct.validate();
        return struct;
    }

    private static final String ID = "{\"name\":\"id\",\"type\":\"string\"}";
    private static final String CENTS = "{\"name\":\"cents\",\"type\":\"long\"}";
    private static final String CITY =
        "{\"name\":\"city\",\"type\":[\"null\",\"string\"],\"default\":null}";

    @Test
    void eachRecordHasTheFieldsOfItsOwnVersionAndAnIdIsAskedForOnce() throws IOException {
        Schema one = register(7, text(ID + "," + CENTS));
        Schema two = register(900, text(ID + "," + CENTS + "," + CITY));
        byte[] old = written(7, one, new GenericRecordBuilder(one)
            .set("id", "a").set("cents", -5L).build());
        byte[] young = written(900, two, new GenericRecordBuilder(two)
            .set("id", "b").set("cents", 1L << 40).set("city", "부산").build());
        byte[] without = written(900, two, new GenericRecordBuilder(two)
            .set("id", "c").set("cents", 0L).set("city", null).build());
        for (int again = 0; again < 2; again++) {
            assertEquals("a", read(old).getString("id"));
            assertEquals(-5L, read(old).getInt64("cents"));
            assertNull(read(old).schema().field("city"));
            assertEquals("부산", read(young).getString("city"));
            assertEquals(1L << 40, read(young).getInt64("cents"));
            assertNull(read(without).get("city"));
        }
        assertEquals(List.of("7", "900"), asked);
        assertTrue(read(young).schema().field("city").schema().isOptional());
    }

    @Test
    void everyTypeComesAsConnectHasIt() throws IOException {
        Schema schema = register(1, text(String.join(",",
            "{\"name\":\"b\",\"type\":\"boolean\"}", "{\"name\":\"i\",\"type\":\"int\"}",
            "{\"name\":\"f\",\"type\":\"float\"}", "{\"name\":\"d\",\"type\":\"double\"}",
            "{\"name\":\"raw\",\"type\":\"bytes\"}", "{\"name\":\"n\",\"type\":\"null\"}",
            "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"X\",\"Y\"]}}",
            "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}}",
            "{\"name\":\"many\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"map\","
                + "\"values\":\"E\"}}}",
            "{\"name\":\"in\",\"type\":{\"type\":\"record\",\"name\":\"Q\",\"fields\":[" + ID + "]}}",
            "{\"name\":\"either\",\"type\":[\"null\",\"string\",\"Q\",\"long\"]}",
            "{\"name\":\"price\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\","
                + "\"precision\":9,\"scale\":2}}",
            "{\"name\":\"day\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}}",
            "{\"name\":\"hour\",\"type\":{\"type\":\"int\",\"logicalType\":\"time-millis\"}}",
            "{\"name\":\"at\",\"type\":[\"null\",{\"type\":\"long\","
                + "\"logicalType\":\"timestamp-millis\"}]}")));
        Schema inner = schema.getField("in").schema();
        Schema symbols = schema.getField("e").schema();
        GenericRecordBuilder whole = new GenericRecordBuilder(schema)
            .set("b", true).set("i", -3).set("f", 0.5f).set("d", 0.25)
            .set("raw", ByteBuffer.wrap(new byte[] {1, 2})).set("n", null)
            .set("e", new GenericData.EnumSymbol(symbols, "Y"))
            .set("x", new GenericData.Fixed(schema.getField("x").schema(), new byte[] {3, 4}))
            .set("many", List.of(Map.of("k", new GenericData.EnumSymbol(symbols, "X"))))
            .set("in", new GenericRecordBuilder(inner).set("id", "q").build())
            .set("either", new GenericRecordBuilder(inner).set("id", "r").build())
            .set("price", ByteBuffer.wrap(new byte[] {(byte) 0xff, 0x38})) // -200
            .set("day", 2).set("hour", 1500).set("at", 99L);
        Struct found = read(written(1, schema, whole.build()));
        assertEquals(true, found.get("b"));
        assertEquals(-3, found.get("i"));
        assertEquals(0.5f, found.get("f"));
        assertEquals(0.25, found.get("d"));
        assertEquals(ByteBuffer.wrap(new byte[] {1, 2}), found.get("raw"));
        assertNull(found.get("n"));
        assertEquals("Y", found.get("e"));
        assertEquals(ByteBuffer.wrap(new byte[] {3, 4}), found.get("x"));
        assertEquals(List.of(Map.of("k", "X")), found.get("many"));
        assertEquals("q", found.getStruct("in").get("id"));
        assertEquals("r", found.getStruct("either").getStruct("Q").get("id"));
        assertNull(found.getStruct("either").get("string"));
        assertEquals(new BigDecimal("-2.00"), found.get("price"));
        assertEquals(new Date(2 * 86_400_000L), found.get("day"));
        assertEquals(new Date(1500), found.get("hour"));
        assertEquals(new Date(99), found.get("at"));
        for (Object other : Arrays.asList("s", 4L, null)) {
            Struct said = read(written(1, schema, whole.set("either", other).build()))
                .getStruct("either");
            assertEquals(other, said == null ? null : said.get(other instanceof Long ? "long" : "string"));
        }
    }

    @Test
    void whatIsNoRecordIsTheRecordsFault() throws IOException {
        Schema one = register(7, text(ID));
        byte[] good = written(7, one, new GenericRecordBuilder(one).set("id", "abc").build());
        byte[] longer = Arrays.copyOf(good, good.length + 1);
        byte[] shorter = Arrays.copyOf(good, good.length - 1);
        byte[] huge = written(7, Schema.create(Schema.Type.LONG), (long) Integer.MAX_VALUE - 9);
        byte[] negative = written(7, Schema.create(Schema.Type.LONG), -9L);
        for (byte[] value : List.of(new byte[0], new byte[] {0, 0, 0, 0}, "{\"a\": 1}".getBytes(),
                longer, shorter, huge, negative)) {
            assertThrows(DataException.class, () -> converter.toConnectData("t", value));
        }
        assertEquals(SchemaAndValue.NULL, converter.toConnectData("t", null));
        assertEquals("abc", read(good).get("id"), "a bad one before it does not matter");
    }

    @Test
    void whatNobodyCanReadIsToldWithItsReason() throws IOException {
        answers.put("2", "{\"schema\":\"{}\",\"schemaType\":\"JSON\"}");
        answers.put("3", "{\"schema\":\"{\\\"type\\\":\\\"no such\\\"}\"}");
        register(4, text("{\"name\":\"next\",\"type\":[\"null\",\"P\"]}"));
        Map<Integer, String> reasons = Map.of(1, "knows no schema 1", 2, "is JSON, not Avro",
            3, "schema 3 cannot be read", 4, "P contains itself");
        reasons.forEach((id, said) -> {
            byte[] value = ByteBuffer.allocate(6).put((byte) 0).putInt(id).array();
            DataException wrong =
                assertThrows(DataException.class, () -> converter.toConnectData("t", value));
            assertTrue(wrong.getMessage().contains(said), wrong.getMessage());
        });
    }

    @Test
    void aRegistryThatIsAwayIsAskedAgainAndCostsNoRecord() throws IOException {
        Schema one = register(7, text(ID));
        byte[] value = written(7, one, new GenericRecordBuilder(one).set("id", "a").build());
        status = 503;
        assertThrows(RetriableException.class, () -> converter.toConnectData("t", value));
        status = 200;
        assertEquals("a", read(value).get("id"));
        registry.stop(0);
        assertEquals("a", read(value).get("id"), "what is known needs no registry");
        byte[] unknown = ByteBuffer.allocate(6).put((byte) 0).putInt(8).array();
        assertThrows(RetriableException.class, () -> converter.toConnectData("t", unknown));
    }

    @Test
    void itNeedsARegistryAndWritesNothing() {
        assertThrows(ConfigException.class, () -> new AvroConverter().configure(Map.of(), false));
        assertThrows(DataException.class,
            () -> converter.fromConnectData("t", null, "x"));
    }
}
