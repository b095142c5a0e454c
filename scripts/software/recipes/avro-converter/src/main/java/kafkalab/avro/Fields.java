package kafkalab.avro;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.LogicalType;
import org.apache.avro.LogicalTypes;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.IndexedRecord;
import org.apache.kafka.connect.data.Date;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.errors.DataException;

/**
 * Avro's schemas and values as Connect has them. A union of null and one type is that type, which may
 * then be missing; any other union has a field for each type, of which one is there.
 */
final class Fields {

    static final String UNION = "kafkalab.avro.Union";

    private Fields() {
    }

    /** @throws DataException for one that contains itself, which Connect has no schemas for */
    static Schema of(org.apache.avro.Schema avro) {
        return builder(avro, new HashSet<>()).build();
    }

    private static SchemaBuilder builder(org.apache.avro.Schema avro, Set<String> within) {
        switch (avro.getType()) {
            case RECORD:
                if (!within.add(avro.getFullName())) {
                    throw new DataException(avro.getFullName() + " contains itself");
                }
                SchemaBuilder record = SchemaBuilder.struct().name(avro.getFullName());
                avro.getFields().forEach(
                    one -> record.field(one.name(), builder(one.schema(), within).build()));
                within.remove(avro.getFullName());
                return record;
            case ARRAY:
                return SchemaBuilder.array(builder(avro.getElementType(), within).build());
            case MAP:
                return SchemaBuilder.map(
                    Schema.STRING_SCHEMA, builder(avro.getValueType(), within).build());
            case UNION:
                return union(avro, within);
            default:
                return plain(avro);
        }
    }

    private static SchemaBuilder union(org.apache.avro.Schema avro, Set<String> within) {
        List<org.apache.avro.Schema> types = types(avro);
        if (types.size() == 1) {
            SchemaBuilder only = builder(types.get(0), within);
            return avro.isNullable() ? only.optional() : only;
        }
        SchemaBuilder either = SchemaBuilder.struct().name(UNION);
        types.forEach(
            one -> either.field(one.getFullName(), builder(one, within).optional().build()));
        return avro.isNullable() ? either.optional() : either;
    }

    /** The types of a union but null. */
    private static List<org.apache.avro.Schema> types(org.apache.avro.Schema union) {
        return union.getTypes().stream()
            .filter(one -> one.getType() != org.apache.avro.Schema.Type.NULL).toList();
    }

    private static SchemaBuilder plain(org.apache.avro.Schema avro) {
        LogicalType meant = avro.getLogicalType();
        if (meant instanceof LogicalTypes.Decimal decimal) {
            return Decimal.builder(decimal.getScale());
        }
        if (meant instanceof LogicalTypes.Date) {
            return Date.builder();
        }
        if (meant instanceof LogicalTypes.TimeMillis) {
            return Time.builder();
        }
        if (meant instanceof LogicalTypes.TimestampMillis) {
            return Timestamp.builder();
        }
        switch (avro.getType()) {
            case BOOLEAN:
                return SchemaBuilder.bool();
            case INT:
                return SchemaBuilder.int32();
            case LONG:
                return SchemaBuilder.int64();
            case FLOAT:
                return SchemaBuilder.float32();
            case DOUBLE:
                return SchemaBuilder.float64();
            case BYTES:
            case FIXED:
                return SchemaBuilder.bytes();
            case STRING:
            case ENUM:
                return SchemaBuilder.string();
            default: // null alone: there is nothing that a field of it could have
                return SchemaBuilder.string().optional();
        }
    }

    /** A value that Avro has read, as the schema made of its own wants it. */
    static Object value(org.apache.avro.Schema avro, Schema schema, Object found) {
        if (found == null) {
            return null;
        }
        switch (avro.getType()) {
            case RECORD:
                Struct record = new Struct(schema);
                for (org.apache.avro.Schema.Field one : avro.getFields()) {
                    record.put(one.name(), value(one.schema(), schema.field(one.name()).schema(),
                        ((IndexedRecord) found).get(one.pos())));
                }
                return record;
            case ARRAY:
                List<Object> array = new ArrayList<>();
                for (Object one : (Collection<?>) found) {
                    array.add(value(avro.getElementType(), schema.valueSchema(), one));
                }
                return array;
            case MAP:
                Map<String, Object> map = new HashMap<>();
                ((Map<?, ?>) found).forEach((key, one) -> map.put(
                    key.toString(), value(avro.getValueType(), schema.valueSchema(), one)));
                return map;
            case UNION:
                return chosen(avro, schema, found);
            default:
                return plain(avro, schema, found);
        }
    }

    private static Object chosen(org.apache.avro.Schema avro, Schema schema, Object found) {
        org.apache.avro.Schema type =
            avro.getTypes().get(GenericData.get().resolveUnion(avro, found));
        if (types(avro).size() == 1) {
            return value(type, schema, found);
        }
        String name = type.getFullName();
        return new Struct(schema).put(name, value(type, schema.field(name).schema(), found));
    }

    private static Object plain(org.apache.avro.Schema avro, Schema schema, Object found) {
        Object value = found;
        if (found instanceof GenericFixed fixed) {
            value = ByteBuffer.wrap(fixed.bytes());
        } else if (found instanceof CharSequence || found instanceof GenericData.EnumSymbol) {
            value = found.toString();
        }
        LogicalType meant = avro.getLogicalType();
        if (meant instanceof LogicalTypes.Decimal decimal) {
            ByteBuffer bytes = ((ByteBuffer) value).duplicate();
            byte[] digits = new byte[bytes.remaining()];
            bytes.get(digits);
            return new java.math.BigDecimal(new BigInteger(digits), decimal.getScale());
        }
        if (meant instanceof LogicalTypes.Date) {
            return Date.toLogical(schema, (Integer) value);
        }
        if (meant instanceof LogicalTypes.TimeMillis) {
            return Time.toLogical(schema, (Integer) value);
        }
        if (meant instanceof LogicalTypes.TimestampMillis) {
            return Timestamp.toLogical(schema, (Long) value);
        }
        return value;
    }
}
