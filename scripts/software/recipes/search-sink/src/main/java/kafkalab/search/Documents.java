package kafkalab.search;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.io.JsonStringEncoder;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import kafkalab.sink.Changes;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * Makes documents of records.
 *
 * <p>Every operation bears the record's offset as its version, and the store refuses versions that
 * are not above the one it has. So whatever is sent again, in whatever order, changes nothing: of a
 * key's records the last one stays. (A key's records are all in one partition.)
 */
class Documents extends Changes<Operation> {

    static final int LONGEST_ID = 512; // bytes that Elasticsearch and OpenSearch allow

    private final SearchSinkConfig config;
    private final ObjectMapper mapper = new ObjectMapper();
    private final JsonConverter converter = new JsonConverter();

    Documents(SearchSinkConfig config) {
        super(config);
        this.config = config;
        // Decimals as numbers: as Base64, which is the default, nobody finds them.
        converter.configure(Map.of("schemas.enable", "false", "decimal.format", "NUMERIC"), false);
    }

    @Override
    protected Operation written(SinkRecord record, boolean ignoring) {
        return operation("index", record, ignoring ? place(record) : id(record), source(record));
    }

    @Override
    protected Operation deleted(SinkRecord record) {
        return operation("delete", record, id(record), new byte[0]);
    }

    private Operation operation(String action, SinkRecord record, String id, byte[] source) {
        String index = config.index(record.topic());
        // Written by hand: a tree of it, for each record, took as long as the document itself.
        String line = "{\"" + action + "\":{\"_index\":" + quoted(index) + ",\"_id\":" + quoted(id)
            + ",\"version\":" + record.kafkaOffset() + ",\"version_type\":\"external\"}}";
        byte[] head = line.getBytes(StandardCharsets.UTF_8);
        ByteBuffer lines = ByteBuffer.allocate(
            head.length + 1 + (source.length == 0 ? 0 : source.length + 1));
        lines.put(head).put((byte) '\n');
        if (source.length > 0) {
            lines.put(source).put((byte) '\n');
        }
        return new Operation(record, index, lines.array());
    }

    /** The document in one line. */
    private byte[] source(SinkRecord record) {
        Object value = record.value();
        if (!(value instanceof Map || value instanceof Struct)) {
            throw new DataException("it is no object but " + article(value)
                + "; documents are JSON objects, or records with a schema of fields");
        }
        if (record.valueSchema() == null && plain(value)) {
            try {
                return mapper.writeValueAsBytes(value);
            } catch (JsonProcessingException error) {
                throw new DataException("it cannot be written as JSON: " + error.getMessage());
            }
        }
        return converter.fromConnectData(record.topic(), record.valueSchema(), value);
    }

    /** Whether a value is of what JSON has itself, so that it need not become Connect's own first. */
    private static boolean plain(Object value) {
        if (value instanceof Map<?, ?> map) {
            for (Map.Entry<?, ?> one : map.entrySet()) {
                if (!(one.getKey() instanceof String) || !plain(one.getValue())) {
                    return false;
                }
            }
            return true;
        }
        if (value instanceof List<?> list) {
            for (Object one : list) {
                if (!plain(one)) {
                    return false;
                }
            }
            return true;
        }
        return value == null || value instanceof String || value instanceof Boolean
            || value instanceof Long || value instanceof Integer || value instanceof Double;
    }

    private static String quoted(String text) {
        return '"' + new String(JsonStringEncoder.getInstance().quoteAsString(text)) + '"';
    }

    private static String article(Object value) {
        String name = value instanceof byte[] ? "bytes" : value.getClass().getSimpleName();
        return "of the type " + name;
    }

    private static String place(SinkRecord record) {
        return record.topic() + "+" + record.kafkaPartition() + "+" + record.kafkaOffset();
    }

    private static String id(SinkRecord record) {
        Object key = record.key();
        String id;
        if (key == null) {
            throw new DataException("it has no key to name its document by");
        } else if (key instanceof byte[] bytes) {
            id = decoded(ByteBuffer.wrap(bytes));
        } else if (key instanceof ByteBuffer bytes) {
            id = decoded(bytes.duplicate());
        } else if (key instanceof String || key instanceof Number || key instanceof Boolean) {
            id = key.toString();
        } else {
            throw new DataException("its key is no text and no number but " + article(key));
        }
        int length = id.getBytes(StandardCharsets.UTF_8).length;
        if (length == 0 || length > LONGEST_ID) {
            throw new DataException("its key has " + length + " bytes; a document's name has 1 to "
                + LONGEST_ID);
        }
        return id;
    }

    private static String decoded(ByteBuffer bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException error) {
            throw new DataException("its key is no UTF-8 text");
        }
    }
}
