package milena;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/** The little JSON that the programs print: one record, one acknowledgement, or one case, on a line. */
final class Json {
    private static final Base64.Encoder BASE64 = Base64.getEncoder();
    private final StringBuilder out = new StringBuilder(512);

    /** Begins an object. */
    Json begin() {
        out.append('{');
        return this;
    }

    Json field(String name, String value) {
        name(name);
        string(value);
        return this;
    }

    Json field(String name, long value) {
        name(name);
        out.append(value);
        return this;
    }

    /** Bytes as base64 with padding, or null. */
    Json field(String name, byte[] value) {
        name(name);
        bytes(value);
        return this;
    }

    /** Headers in their order, each as [key, base64 or null]. */
    Json field(String name, Headers headers) {
        name(name);
        out.append('[');
        boolean first = true;
        for (Header header : headers) {
            out.append(first ? "[" : ",[");
            first = false;
            string(header.key());
            out.append(',');
            bytes(header.value());
            out.append(']');
        }
        out.append(']');
        return this;
    }

    /** Begins an array in the object. */
    Json array(String name) {
        name(name);
        out.append('[');
        return this;
    }

    /** Begins an array in the array. */
    Json array() {
        next();
        out.append('[');
        return this;
    }

    /** Begins an object in the array. */
    Json object() {
        next();
        return begin();
    }

    /** Ends what was begun, by its bracket. */
    Json close(char bracket) {
        out.append(bracket);
        return this;
    }

    /** An element of the array. */
    Json value(String value) {
        next();
        string(value);
        return this;
    }

    /** An element of the array. */
    Json value(long value) {
        next();
        out.append(value);
        return this;
    }

    /** An element of the array. */
    Json nothing() {
        next();
        out.append("null");
        return this;
    }

    Json nothing(String name) {
        name(name);
        out.append("null");
        return this;
    }

    /** Ends the object and the line, and starts over. */
    String end() {
        String line = out.append("}\n").toString();
        out.setLength(0);
        return line;
    }

    private void next() {
        char last = out.charAt(out.length() - 1);
        if (last != '{' && last != '[') {
            out.append(',');
        }
    }

    private void name(String name) {
        next();
        out.append('"').append(name).append("\":");
    }

    private void bytes(byte[] value) {
        if (value == null) {
            out.append("null");
        } else {
            out.append('"').append(new String(BASE64.encode(value), StandardCharsets.ISO_8859_1)).append('"');
        }
    }

    private void string(String value) {
        out.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < 0x20) {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }
}
