package kafkalab.sink;

/** The store refuses a whole request: too large, or something in it that it cannot read. */
public class Refused extends Exception {

    public Refused(String reason) {
        super(reason);
    }
}
