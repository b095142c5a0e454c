package kafkalab.sink;

/** The store cannot do it now, and nothing is wrong with what it was sent. */
public class Unavailable extends Exception {

    public Unavailable(String reason) {
        super(reason);
    }
}
