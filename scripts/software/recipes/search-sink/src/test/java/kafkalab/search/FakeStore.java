package kafkalab.search;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Elasticsearch as far as the sink asks it: it keeps documents by the rules of external versions. */
final class FakeStore implements AutoCloseable {
    final Map<String, String> documents = new TreeMap<>(); // by index/id
    final Deque<Integer> failures = new ArrayDeque<>(); // HTTP's status of the next answers
    final Deque<Integer> busy = new ArrayDeque<>(); // statuses of the next operations
    final List<String> requests = new ArrayList<>();
    boolean versioned = true; // whether a version that is not above the one it has is refused
    int together; // bulk requests at once, at most
    CountDownLatch meeting; // what each of them waits for, where that is to be seen
    private final AtomicInteger present = new AtomicInteger();
    final Map<String, String> indices = new TreeMap<>();
    private final Map<String, Long> versions = new HashMap<>(); // also of what was deleted
    private final ObjectMapper mapper = new ObjectMapper();
    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();

    FakeStore() throws IOException {
        server = HttpServer.create(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::come);
        server.setExecutor(threads);
        server.start();
    }

    String address() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }

    private void come(HttpExchange exchange) throws IOException {
        int now = present.incrementAndGet();
        try {
            if (meeting != null && exchange.getRequestURI().getPath().equals("/_bulk")) {
                meeting.countDown();
                meeting.await(5, TimeUnit.SECONDS);
            }
            synchronized (this) {
                together = Math.max(together, now);
            }
            answer(exchange);
        } catch (InterruptedException interrupted) {
            throw new IOException(interrupted);
        } finally {
            present.decrementAndGet();
        }
    }

    private synchronized void answer(HttpExchange exchange) throws IOException {
        String body = new String(exchange.getRequestBody().readAllBytes(),
            StandardCharsets.UTF_8);
        String path = exchange.getRequestURI().getPath();
        requests.add(exchange.getRequestMethod() + " " + path);
        int status = failures.isEmpty() ? 200 : failures.poll();
        String said = status == 200 ? null : "{\"error\":{\"type\":\"t\",\"reason\":\"no\"}}";
        if (status == 200 && path.equals("/_bulk")) {
            if (body.contains("poison")) { // what it cannot even parse
                status = 400;
                said = "{\"error\":{\"type\":\"parse_exception\",\"reason\":\"poison\"}}";
            } else {
                said = bulk(body);
            }
        } else if (status == 200) {
            if (indices.putIfAbsent(path, body) != null) {
                status = 400;
                said = "{\"error\":{\"type\":\"resource_already_exists_exception\"}}";
            } else {
                said = "{}";
            }
        }
        byte[] bytes = said.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    private String bulk(String body) throws IOException {
        ObjectNode whole = mapper.createObjectNode();
        ArrayNode items = whole.putArray("items");
        String[] lines = body.split("\n");
        for (int i = 0; i < lines.length; i++) {
            Map.Entry<String, JsonNode> entry =
                mapper.readTree(lines[i]).fields().next();
            JsonNode meta = entry.getValue();
            String source = entry.getKey().equals("index") ? lines[++i] : null;
            if (!meta.path("version_type").asText().equals("external")) {
                throw new IOException("no external version: " + meta);
            }
            String name = meta.path("_index").asText() + "/" + meta.path("_id").asText();
            ObjectNode item = items.addObject().putObject(entry.getKey());
            operate(item, name, meta.path("version").asLong(), source);
        }
        return whole.toString();
    }

    private void operate(ObjectNode item, String name, long version, String source) {
        Integer status = busy.poll();
        if (status != null && status != 200) {
            failed(item, status, "busy_exception");
        } else if (source != null && source.contains("\"age\":\"")) {
            failed(item, 400, "mapper_parsing_exception");
        } else if (versioned && versions.getOrDefault(name, -1L) >= version) {
            failed(item, 409, "version_conflict_engine_exception");
        } else {
            versions.put(name, version);
            boolean was = documents.containsKey(name);
            if (source == null) {
                documents.remove(name);
                item.put("status", was ? 200 : 404);
            } else {
                documents.put(name, source);
                item.put("status", was ? 200 : 201);
            }
        }
    }

    private static void failed(ObjectNode item, int status, String type) {
        item.put("status", status).putObject("error").put("type", type).put("reason", "so");
    }
}
