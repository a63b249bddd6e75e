package milena;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.utils.AppInfoParser;

/** Writes messages of every API that a broker listens for, as bytes and as Kafka's JSON. */
public final class Golden {
    private static final String HELP = """
            milena.Golden [options]

              --seed N       what the values are drawn from; default 0
              --random N     random cases of each version of each message; default 4
              --only CASE    one case alone: MESSAGE:VERSION:KIND, as in MetadataRequest:4:random-3
              --answer       then read lines "MESSAGE VERSION KIND BYTES" until the end, and answer each with a case

            Prints a line for Kafka's version, then one for each API, followed by its cases, then "end":
              kafka 4.3.1
              api KEY NAME MIN MAX STABLE REQUEST-HEADERS RESPONSE-HEADERS     (headers: one digit for each version)
              MESSAGE VERSION KIND BYTES WRITTEN OTHER JSON
              MESSAGE VERSION KIND BYTES ! what Kafka has against them
            BYTES are hexadecimal, or - when there are none. WRITTEN is what Kafka writes after it has read them,
            or = when that is the same. OTHER is what it writes as another version, VERSION:BYTES, or VERSION:!why
            when it does not, or - when there is no other. JSON says of record sets only their size.
            """;
    private static final HexFormat HEX = HexFormat.of();

    private final Map<String, GoldenMessage> messages = new HashMap<>();
    private final PrintStream out = Output.buffered();
    private final long seed;
    private final long random;
    private final String only;

    private Golden(Options options) {
        seed = options.number("seed", 0);
        random = options.number("random", 4);
        only = options.text("only", "");
    }

    /** Prints the cases, and what the lines of standard input are to Kafka. */
    public static void main(String[] arguments) throws IOException {
        Options options = new Options(arguments, Set.of("seed", "random", "only"), Set.of("answer"), HELP);
        Golden golden = new Golden(options);
        golden.out.println("kafka " + AppInfoParser.getVersion());
        for (ApiMessageType api : ApiMessageType.values()) {
            if (api.listeners().contains(ApiMessageType.ListenerType.BROKER)) {
                golden.api(api);
            }
        }
        if (options.flag("answer")) {
            golden.answer();
        }
        golden.out.println("end");
        Output.finish(golden.out);
    }

    private void api(ApiMessageType api) {
        GoldenMessage request = new GoldenMessage(api.newRequest(), api.requestSchemas());
        GoldenMessage response = new GoldenMessage(api.newResponse(), api.responseSchemas());
        messages.put(request.name(), request);
        messages.put(response.name(), response);

        short lowest = api.lowestSupportedVersion();
        short highest = api.highestSupportedVersion(true);
        StringBuilder requestHeaders = new StringBuilder();
        StringBuilder responseHeaders = new StringBuilder();
        for (short version = lowest; version <= highest; version++) {
            requestHeaders.append(api.requestHeaderVersion(version));
            responseHeaders.append(api.responseHeaderVersion(version));
        }
        out.println("api " + api.apiKey() + " " + api.name + " " + lowest + " " + highest + " "
                + api.highestSupportedVersion(false) + " " + requestHeaders + " " + responseHeaders);
        for (short version = lowest; version <= highest; version++) {
            cases(request, version);
            cases(response, version);
        }
    }

    private void cases(GoldenMessage message, short version) {
        print(message, version, "default", message.defaults(version));
        fill(message, version, "typical", GoldenFill.Kind.TYPICAL, 0);
        fill(message, version, "full", GoldenFill.Kind.FULL, 0);
        fill(message, version, "tags", GoldenFill.Kind.TAGS, 0);
        fill(message, version, "text", GoldenFill.Kind.TEXT, 0);
        for (int level = 0; level < message.levels(version); level++) {
            fill(message, version, "null-" + level, GoldenFill.Kind.NULL, level);
            fill(message, version, "empty-" + level, GoldenFill.Kind.EMPTY, level);
            fill(message, version, "array-" + level, GoldenFill.Kind.ARRAY, level);
        }
        for (int n = 0; n < random; n++) {
            fill(message, version, "random-" + n, GoldenFill.Kind.RANDOM, 0);
        }
    }

    private void fill(GoldenMessage message, short version, String label, GoldenFill.Kind kind, int level) {
        // From the case's own name, so that it is the same whatever other cases there are.
        int name = (message.name() + ":" + version + ":" + label).hashCode();
        Random values = new Random(mixed(seed * 0x9E3779B97F4A7C15L + name));
        print(message, version, label, message.filled(version, new GoldenFill(kind, level, values)));
    }

    /** Neighbouring seeds would give Java's generator much the same first values. */
    private static long mixed(long bits) {
        long half = (bits ^ bits >>> 30) * 0xBF58476D1CE4E5B9L;
        long whole = (half ^ half >>> 27) * 0x94D049BB133111EBL;
        return whole ^ whole >>> 31;
    }

    /** A kind that a version has no place for gives no bytes, and no case. */
    private void print(GoldenMessage message, short version, String label, byte[] bytes) {
        String name = message.name() + ":" + version + ":" + label;
        if (bytes != null && (only.isEmpty() || only.equals(name))) {
            line(message, version, label, bytes);
        }
    }

    private void line(GoldenMessage message, short version, String label, byte[] bytes) {
        String head = message.name() + " " + version + " " + label + " " + hex(bytes) + " ";
        try {
            ApiMessage read = message.read(version, bytes);
            byte[] written = GoldenMessage.write(read, version);
            String json = message.json(read, version);
            out.append(head).append(Arrays.equals(bytes, written) ? "=" : hex(written)).append(' ')
                    .append(other(read, version, label)).append(' ').append(json).append('\n');
        } catch (RuntimeException e) {
            out.append(head).append("! ").append(e.toString().replaceAll("\\s+", " ")).append('\n');
        }
    }

    /** The message as a version that is not the one it was read as. */
    private static String other(ApiMessage message, short version, String label) {
        int others = message.highestSupportedVersion() - message.lowestSupportedVersion();
        if (others == 0) {
            return "-";
        }
        short other = (short) (message.lowestSupportedVersion() + Math.floorMod(label.hashCode() + version, others));
        other += other >= version ? 1 : 0;
        try {
            return other + ":" + hex(GoldenMessage.write(message, other));
        } catch (RuntimeException e) {
            return other + ":!" + e.toString().replaceAll("\\s+", "_");
        }
    }

    private void answer() throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII), 1 << 18);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] parts = line.split(" ");
            GoldenMessage message = messages.get(parts[0]);
            if (message == null) {
                out.println(line + " ! there is no such message");
                continue;
            }
            byte[] bytes = parts[3].equals("-") ? new byte[0] : HEX.parseHex(parts[3]);
            line(message, Short.parseShort(parts[1]), parts[2], bytes);
        }
    }

    private static String hex(byte[] bytes) {
        return bytes.length == 0 ? "-" : HEX.formatHex(bytes);
    }
}
