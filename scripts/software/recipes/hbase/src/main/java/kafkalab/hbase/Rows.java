package kafkalab.hbase;

import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import kafkalab.sink.Changes;
import org.apache.hadoop.hbase.HConstants;
import org.apache.hadoop.hbase.client.Delete;
import org.apache.hadoop.hbase.client.Mutation;
import org.apache.hadoop.hbase.client.Put;
import org.apache.hbase.thirdparty.com.google.gson.Gson;
import org.apache.hbase.thirdparty.com.google.gson.GsonBuilder;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * Makes rows of records.
 *
 * <p>A cell's timestamp is its record's offset, and with a record's cells goes the deletion of all
 * that the row had from records before it. So a row is what its last record says, whatever is sent
 * again and in whatever order: HBase itself puts cells in the order of their timestamps. (A key's
 * records are all in one partition.)
 */
class Rows extends Changes<RowChange> {

    static final String VALUE = "KAFKA_VALUE"; // the column of a value that has no fields

    private final HBaseSinkConfig config;
    private final Gson json =
        new GsonBuilder().serializeNulls().disableHtmlEscaping()
            .serializeSpecialFloatingPointValues().create();

    Rows(HBaseSinkConfig config) {
        super(config);
        this.config = config;
    }

    @Override
    protected RowChange deleted(SinkRecord record) {
        return change(record, List.of(
            new Delete(key(record)).addFamily(family(record), record.kafkaOffset())));
    }

    @Override
    protected RowChange written(SinkRecord record, boolean ignoring) {
        byte[] family = family(record);
        byte[] row = ignoring ? place(record) : key(record);
        Put put = new Put(row, record.kafkaOffset());
        columns(record.value()).forEach((name, value) -> put.addColumn(
            family, name.getBytes(StandardCharsets.UTF_8), value));
        if (put.isEmpty()) {
            throw new DataException("it has no field with a value, and a row is its cells");
        }
        List<Mutation> mutations = new ArrayList<>();
        if (!ignoring && record.kafkaOffset() > 0) {
            mutations.add(new Delete(row).addFamily(family, record.kafkaOffset() - 1));
        }
        mutations.add(put);
        return change(record, mutations);
    }

    private byte[] family(SinkRecord record) {
        return config.family(record.topic()).getBytes(StandardCharsets.UTF_8);
    }

    private RowChange change(SinkRecord record, List<Mutation> mutations) {
        String topic = record.topic();
        return new RowChange(record, config.table(topic), config.family(topic), mutations);
    }

    /** The columns of a value; a field without a value has none. */
    private Map<String, byte[]> columns(Object value) {
        Map<String, byte[]> found = new LinkedHashMap<>();
        if (value instanceof Map || value instanceof Struct) {
            fields(value).forEach((name, one) -> {
                if (name.isEmpty()) {
                    throw new DataException("it has a field without a name");
                }
                if (one != null) {
                    found.put(name, cell(one));
                }
            });
        } else {
            found.put(VALUE, cell(value));
        }
        return found;
    }

    /** Bytes as they are; all else as a person would write it, what has parts as JSON. */
    private byte[] cell(Object value) {
        if (value instanceof byte[] bytes) {
            return bytes;
        }
        if (value instanceof ByteBuffer buffer) {
            return bytes(buffer);
        }
        return text(value).getBytes(StandardCharsets.UTF_8);
    }

    private String text(Object value) {
        Object plain = plain(value);
        return plain instanceof Map || plain instanceof List ? json.toJson(plain)
            : String.valueOf(plain);
    }

    /** A value of Connect's in what Gson knows. */
    private static Object plain(Object value) {
        if (value instanceof Map || value instanceof Struct) {
            Map<String, Object> found = new LinkedHashMap<>();
            fields(value).forEach((name, one) -> found.put(name, plain(one)));
            return found;
        }
        if (value instanceof List<?> list) {
            List<Object> found = new ArrayList<>();
            list.forEach(one -> found.add(plain(one)));
            return found;
        }
        if (value instanceof java.util.Date date) {
            return date.toInstant().toString();
        }
        if (value instanceof BigDecimal number) {
            return number.stripTrailingZeros().scale() > 0 ? number : number.setScale(0);
        }
        if (value instanceof byte[] bytes) {
            return Base64.getEncoder().encodeToString(bytes);
        }
        return value instanceof ByteBuffer buffer
            ? Base64.getEncoder().encodeToString(bytes(buffer)) : value;
    }

    private static Map<String, Object> fields(Object value) {
        Map<String, Object> found = new LinkedHashMap<>();
        if (value instanceof Struct struct) {
            for (Field field : struct.schema().fields()) {
                found.put(field.name(), struct.get(field));
            }
        } else {
            ((Map<?, ?>) value).forEach((name, one) -> found.put(String.valueOf(name), one));
        }
        return found;
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] found = new byte[buffer.remaining()];
        buffer.duplicate().get(found);
        return found;
    }

    /** Where a record stands. Offsets have as many digits as it takes for rows in their order. */
    private static byte[] place(SinkRecord record) {
        return String.format("%s+%d+%012d", record.topic(), record.kafkaPartition(),
            record.kafkaOffset()).getBytes(StandardCharsets.UTF_8);
    }

    private byte[] key(SinkRecord record) {
        Object key = record.key();
        if (key == null) {
            throw new DataException("it has no key to name its row by");
        }
        byte[] found;
        if (key instanceof Map || key instanceof Struct) {
            found = joined(fields(key)).getBytes(StandardCharsets.UTF_8);
        } else {
            found = cell(key);
        }
        if (found.length == 0 || found.length > HConstants.MAX_ROW_LENGTH) {
            throw new DataException("its key has " + found.length + " bytes; a row's has 1 to "
                + HConstants.MAX_ROW_LENGTH);
        }
        return found;
    }

    private String joined(Map<String, Object> fields) {
        List<String> names = config.getList(HBaseSinkConfig.KEY_FIELDS);
        List<String> parts = new ArrayList<>();
        for (String name : names.isEmpty() ? List.copyOf(fields.keySet()) : names) {
            Object part = fields.get(name);
            if (part == null) {
                throw new DataException("its key has no field " + name);
            }
            parts.add(text(part));
        }
        return String.join(config.getString(HBaseSinkConfig.KEY_DELIMITER), parts);
    }
}
