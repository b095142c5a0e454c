package kafkalab.search;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import kafkalab.sink.Outcome;
import kafkalab.sink.Refused;
import kafkalab.sink.Unavailable;

/** Requests to the store, each sent once: what to do about the answer is for others to say. */
class Store {

    private static final int LONGEST_REASON = 1000;
    // Of each operation only what is looked at: an answer is a tenth as long.
    private static final String BULK = "/_bulk?filter_path=items.*.status,items.*.error";

    private final List<String> addresses;
    private final Duration patience;
    private final HttpClient client;
    private final ObjectMapper mapper = new ObjectMapper();
    private volatile int at;

    Store(SearchSinkConfig config) {
        addresses = config.getList(SearchSinkConfig.URL).stream()
            .map(one -> one.replaceAll("/+$", "")).toList();
        patience = Duration.ofMillis(config.getInt(SearchSinkConfig.READ_TIMEOUT));
        client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(
            Duration.ofMillis(config.getInt(SearchSinkConfig.CONNECT_TIMEOUT))).build();
    }

    /** One bulk request; the outcome of each operation, in their order. */
    List<Outcome> bulk(List<Operation> operations)
            throws Unavailable, Refused, InterruptedException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        operations.forEach(one -> body.writeBytes(one.lines()));
        HttpResponse<byte[]> answer =
            send("POST", BULK, "application/x-ndjson", body.toByteArray());
        if (answer.statusCode() == 400 || answer.statusCode() == 413) {
            throw new Refused(said(answer));
        }
        if (answer.statusCode() != 200) {
            throw new Unavailable(said(answer));
        }
        List<Outcome> found = new ArrayList<>();
        JsonNode items = read(answer).path("items");
        items.forEach(one -> found.add(outcome(one.fields().next().getValue())));
        if (found.size() != operations.size()) {
            throw new Unavailable(
                operations.size() + " operations, and " + found.size() + " answers");
        }
        return found;
    }

    /** Make an index with these settings, if there is none of its name. */
    void make(String index, String settings) throws Unavailable, Refused, InterruptedException {
        HttpResponse<byte[]> answer = send("PUT", "/" + index, "application/json",
            ("{\"settings\":" + settings + "}").getBytes(StandardCharsets.UTF_8));
        String reason = answer.statusCode() < 300 ? "" : said(answer);
        if (answer.statusCode() < 300 || reason.contains("resource_already_exists_exception")) {
            return;
        }
        if (answer.statusCode() == 400) {
            throw new Refused(reason);
        }
        throw new Unavailable(reason);
    }

    private static Outcome outcome(JsonNode item) {
        int status = item.path("status").asInt();
        JsonNode error = item.path("error");
        // Of a deletion, 404 says that there is no such document any more, and is no error.
        if (status < 300 || error.isMissingNode()) {
            return Outcome.DONE;
        }
        // It has this version or a later one: sent before, or overtaken.
        if (status == 409) {
            return Outcome.DONE;
        }
        // All but 400 is about the index or the store: absent, closed, blocked, too busy.
        return new Outcome(status != 400, reason(error));
    }

    private static String reason(JsonNode error) {
        if (!error.isObject()) {
            return error.asText();
        }
        String text = error.path("type").asText() + ": " + error.path("reason").asText();
        JsonNode cause = error.path("caused_by");
        return cause.isObject() ? text + "; " + reason(cause) : text;
    }

    private HttpResponse<byte[]> send(String method, String path, String type, byte[] body)
            throws Unavailable, InterruptedException {
        String address = addresses.get(at);
        HttpRequest request = HttpRequest.newBuilder(URI.create(address + path)).timeout(patience)
            .header("Content-Type", type).method(method, BodyPublishers.ofByteArray(body)).build();
        try {
            return client.send(request, BodyHandlers.ofByteArray());
        } catch (IOException error) {
            at = (at + 1) % addresses.size(); // perhaps another one answers
            String why = error.getMessage() == null ? error.toString() : error.getMessage();
            throw new Unavailable(address + ": " + why);
        }
    }

    private String said(HttpResponse<byte[]> answer) {
        String text = "HTTP " + answer.statusCode();
        try {
            JsonNode error = read(answer).path("error");
            return error.isMissingNode() ? text : text + " " + reason(error);
        } catch (Unavailable noJson) {
            String body = new String(answer.body(), StandardCharsets.UTF_8);
            String whole = text + " " + body;
            return whole.substring(0, Math.min(LONGEST_REASON, whole.length()));
        }
    }

    private JsonNode read(HttpResponse<byte[]> answer) throws Unavailable {
        try {
            JsonNode found = mapper.readTree(answer.body());
            return found == null ? mapper.createObjectNode() : found;
        } catch (IOException error) {
            throw new Unavailable("an answer that is no JSON");
        }
    }
}
