package kafkalab.avro;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.connect.components.Versioned;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.storage.Converter;

/**
 * Reads records as Confluent's clients write Avro: a zero byte, the schema's id in four bytes, and
 * Avro's own encoding. What is read has the fields of the schema that it was written with.
 *
 * <p>It only reads: for sinks, not for sources.
 */
public final class AvroConverter implements Converter, Versioned {

    public static final String URL = "schema.registry.url";
    private static final int HEAD = 5; // bytes before Avro's own

    static {
        // A length that is none must not take a worker's whole memory (SystemLimitException).
        for (String what : new String[] {"bytes", "string", "collectionItems"}) {
            String limit = "org.apache.avro.limits." + what + ".maxLength";
            System.setProperty(limit, System.getProperty(limit, String.valueOf(16 << 20)));
        }
    }

    private final Map<Integer, Known> known = new HashMap<>();
    private Registry registry;

    @Override
    public String version() {
        return "1.0";
    }

    /** @throws ConfigException where no registry is named */
    @Override
    public void configure(Map<String, ?> settings, boolean isKey) {
        Object url = settings.get(URL);
        if (url == null || url.toString().isBlank()) {
            throw new ConfigException(URL, url, "it has no default");
        }
        registry = new Registry(url.toString());
        known.clear();
    }

    @Override
    public byte[] fromConnectData(String topic, Schema schema, Object value) {
        throw new DataException("this converter only reads Avro: it is for sinks");
    }

    /**
     * @throws DataException for what is not Avro with an id in front, with the reason
     * @throws org.apache.kafka.connect.errors.RetriableException while the registry does not answer
     */
    @Override
    public SchemaAndValue toConnectData(String topic, byte[] value) {
        if (value == null) {
            return SchemaAndValue.NULL;
        }
        if (value.length < HEAD || value[0] != 0) {
            throw new DataException("it does not begin with a zero byte and the id of a schema");
        }
        int id = ByteBuffer.wrap(value, 1, Integer.BYTES).getInt();
        Known writer = known.computeIfAbsent(id, asked -> new Known(registry.schema(asked)));
        return new SchemaAndValue(writer.fields, writer.read(id, value));
    }

    /** A schema by its id: Avro's, and Connect's for the same. */
    private static final class Known {
        private final org.apache.avro.Schema avro;
        private final GenericDatumReader<Object> reader;
        private final Schema fields;
        private BinaryDecoder decoder;

        Known(org.apache.avro.Schema avro) {
            this.avro = avro;
            this.reader = new GenericDatumReader<>(avro);
            this.fields = Fields.of(avro);
        }

        Object read(int id, byte[] value) {
            try {
                decoder = DecoderFactory.get()
                    .binaryDecoder(value, HEAD, value.length - HEAD, decoder);
                Object found = reader.read(null, decoder);
                if (!decoder.isEnd()) {
                    throw new DataException("it goes on behind what schema " + id + " tells of");
                }
                return Fields.value(avro, fields, found);
            } catch (EOFException short_) {
                throw new DataException("it ends before what schema " + id + " tells of", short_);
            } catch (IOException | AvroRuntimeException | IndexOutOfBoundsException other) {
                throw new DataException("it is not what schema " + id + " tells of: "
                    + other.getMessage(), other);
            }
        }
    }
}
