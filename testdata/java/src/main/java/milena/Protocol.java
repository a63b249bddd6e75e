package milena;

import org.apache.kafka.common.errors.InvalidMetadataException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;

/**
 * Prints what Kafka's schemas leave to its code, one fact a line.
 *
 * <pre>
 * headers KEY VERSION REQUEST RESPONSE      which header versions an API has in one of its versions
 * error CODE NAME [retriable] [metadata]    an error, and whether it is retriable, or tells of stale metadata
 * </pre>
 */
public final class Protocol {
    private Protocol() {
    }

    /** Takes no arguments. */
    public static void main(String[] arguments) {
        for (ApiKeys api : ApiKeys.values()) {
            for (short version = api.oldestVersion(); version <= api.latestVersion(); version++) {
                System.out.println("headers " + api.id + " " + version + " " + api.requestHeaderVersion(version)
                        + " " + api.responseHeaderVersion(version));
            }
        }
        for (Errors error : Errors.values()) {
            String retriable = error.exception() instanceof RetriableException ? " retriable" : "";
            String metadata = error.exception() instanceof InvalidMetadataException ? " metadata" : "";
            System.out.println("error " + error.code() + " " + error.name() + retriable + metadata);
        }
    }
}
