package kafkalab.avro;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import org.apache.avro.Schema;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.errors.RetriableException;

/** Schemas by their ids, from a registry with Confluent's API. */
class Registry {

    private static final Duration PATIENCE = Duration.ofSeconds(5);
    private static final int NO_SUCH = 404;
    private static final int OK = 200;

    private final String url;
    private final ObjectMapper mapper = new ObjectMapper();
    private final HttpClient client = HttpClient.newBuilder()
        .version(HttpClient.Version.HTTP_1_1).connectTimeout(PATIENCE).build();

    Registry(String url) {
        this.url = url.replaceAll("/+$", "");
    }

    /**
     * @throws DataException where it knows none of this id, or one that is not Avro
     * @throws RetriableException where it does not answer, or not in this way
     */
    Schema schema(int id) {
        URI asked = URI.create(url + "/schemas/ids/" + Integer.toUnsignedString(id));
        HttpResponse<String> answer;
        try {
            answer = client.send(HttpRequest.newBuilder(asked).timeout(PATIENCE).build(),
                HttpResponse.BodyHandlers.ofString());
        } catch (IOException away) {
            throw new RetriableException("the registry does not answer: " + asked, away);
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
            throw new RetriableException("cut off while asking " + asked, ended);
        }
        if (answer.statusCode() == NO_SUCH) {
            throw new DataException("the registry knows no schema " + Integer.toUnsignedString(id));
        }
        if (answer.statusCode() != OK) {
            throw new RetriableException(asked + " answers " + answer.statusCode());
        }
        return parsed(id, answer.body());
    }

    private Schema parsed(int id, String body) {
        JsonNode found;
        try {
            found = mapper.readTree(body);
        } catch (IOException other) {
            throw new RetriableException("the registry answers in no known way", other);
        }
        String kind = found.path("schemaType").asText("AVRO");
        if (!kind.equals("AVRO")) {
            throw new DataException("schema " + id + " is " + kind + ", not Avro");
        }
        try {
            return new Schema.Parser().parse(found.path("schema").asText());
        } catch (RuntimeException wrong) { // of a name that is unknown, Avro has a null pointer
            throw new DataException("schema " + id + " cannot be read: " + wrong.getMessage(),
                wrong);
        }
    }
}
