package kafkalab.sink;

/**
 * What became of one change.
 *
 * @param retry whether it may succeed when it is sent again
 * @param reason why it failed; null where it did not
 */
public record Outcome(boolean retry, String reason) {

    public static final Outcome DONE = new Outcome(false, null);
}
