package kafkalab.sink;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTaskContext;

/** What a task asks of Connect: where malformed records go, and when it wants others again. */
public final class FakeContext implements SinkTaskContext {
    public final Map<SinkRecord, String> reported = new HashMap<>();
    public int reports;
    public long waits;

    @Override
    public ErrantRecordReporter errantRecordReporter() {
        return (record, error) -> {
            reports++;
            reported.put(record, error.getMessage());
            Future<Void> done = CompletableFuture.completedFuture(null);
            return done;
        };
    }

    @Override
    public void timeout(long ms) {
        waits = ms;
    }

    @Override
    public Map<String, String> configs() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void offset(Map<TopicPartition, Long> offsets) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void offset(TopicPartition place, long offset) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Set<TopicPartition> assignment() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void pause(TopicPartition... places) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void resume(TopicPartition... places) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void requestCommit() {
        throw new UnsupportedOperationException();
    }
}
