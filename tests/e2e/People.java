// A Java client of a schema registry, for tests/e2e/test_registry.py: writes one record as
// Confluent's serializer would, then reads as many as it is told to, with a schema of its own.
// Run from its source: java -cp JARS People.java BOOTSTRAP REGISTRY TOPIC NAME COUNT READER

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class People {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    public static void main(String[] args) throws Exception {
        Properties common = new Properties();
        common.put("bootstrap.servers", args[0]);
        Schema schema = new Schema.Parser().parse(args[5]);
        GenericRecord person = new GenericData.Record(schema);
        person.put("name", args[3]);
        person.put("class", 7L);
        person.put("mail", "j");
        try (var producer = new KafkaProducer<>(
                common, new ByteArraySerializer(), new ByteArraySerializer())) {
            byte[] value = encode(args[1], args[2] + "-value", person);
            producer.send(new ProducerRecord<byte[], byte[]>(args[2], value)).get();
        }
        read(common, args[1], args[2], Integer.parseInt(args[4]), schema);
    }

    private static byte[] encode(String registry, String subject, GenericRecord record)
            throws Exception {
        String body = JSON.writeValueAsString(Map.of("schema", record.getSchema().toString()));
        int id = ask(HttpRequest.newBuilder(URI.create(
                        registry + "/subjects/" + subject + "/versions"))
                .header("Content-Type", "application/vnd.schemaregistry.v1+json")
                .POST(HttpRequest.BodyPublishers.ofString(body))).get("id").asInt();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(0);
        out.write(ByteBuffer.allocate(4).putInt(id).array());
        BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
        new GenericDatumWriter<GenericRecord>(record.getSchema()).write(record, encoder);
        encoder.flush();
        return out.toByteArray();
    }

    private static void read(
            Properties common, String registry, String topic, int count, Schema reader)
            throws Exception {
        common.put("group.id", "people-java");
        common.put("auto.offset.reset", "earliest");
        Map<Integer, Schema> known = new HashMap<>();
        int seen = 0;
        try (var consumer = new KafkaConsumer<>(
                common, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(topic));
            while (seen < count) {
                for (ConsumerRecord<byte[], byte[]> one : consumer.poll(Duration.ofSeconds(1))) {
                    ByteBuffer value = ByteBuffer.wrap(one.value());
                    if (value.get() != 0) {
                        throw new IllegalStateException("no schema's id in front of a record");
                    }
                    int id = value.getInt();
                    if (!known.containsKey(id)) {
                        known.put(id, new Schema.Parser().parse(ask(HttpRequest.newBuilder(
                                URI.create(registry + "/schemas/ids/" + id)).GET())
                                .get("schema").asText()));
                    }
                    System.out.println(new GenericDatumReader<GenericRecord>(known.get(id), reader)
                            .read(null, DecoderFactory.get().binaryDecoder(
                                    one.value(), 5, one.value().length - 5, null)));
                    seen++;
                }
            }
        }
    }

    private static JsonNode ask(HttpRequest.Builder request) throws Exception {
        HttpResponse<String> answer =
                HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IllegalStateException(answer.statusCode() + ": " + answer.body());
        }
        return JSON.readTree(answer.body());
    }
}
