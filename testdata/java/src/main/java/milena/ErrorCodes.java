package milena;

import org.apache.kafka.common.errors.InvalidMetadataException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.Errors;

/** Prints Kafka's error codes, one a line: code, name, and {@code retriable} and {@code metadata} where they hold. */
public final class ErrorCodes {
    private ErrorCodes() {
    }

    /** Takes no arguments. */
    public static void main(String[] arguments) {
        for (Errors error : Errors.values()) {
            StringBuilder line = new StringBuilder().append(error.code()).append(' ').append(error.name());
            if (error.exception() instanceof RetriableException) {
                line.append(" retriable");
            }
            if (error.exception() instanceof InvalidMetadataException) {
                line.append(" metadata");
            }
            System.out.println(line);
        }
    }
}
