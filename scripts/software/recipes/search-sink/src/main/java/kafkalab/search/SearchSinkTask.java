package kafkalab.search;

import java.util.List;
import java.util.Map;
import kafkalab.sink.BatchTask;
import kafkalab.sink.Outcome;
import kafkalab.sink.Refused;
import kafkalab.sink.Unavailable;

/** Writes records in bulk requests, into indices that it makes where they are not there. */
public class SearchSinkTask extends BatchTask<Operation> {

    private String settings;
    private Store store;

    @Override
    public void start(Map<String, String> given) {
        SearchSinkConfig config = new SearchSinkConfig(given);
        settings = config.getString(SearchSinkConfig.INDEX_SETTINGS);
        store = new Store(config);
        begin(config, new Documents(config));
    }

    @Override
    protected List<Outcome> send(List<Operation> batch)
            throws Unavailable, Refused, InterruptedException {
        if (!settings.isEmpty()) {
            for (Operation one : batch) {
                once("index " + one.index(), () -> store.make(one.index(), settings));
            }
        }
        return store.bulk(batch);
    }
}
