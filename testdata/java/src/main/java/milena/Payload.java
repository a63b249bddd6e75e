package milena;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.internal.SimpleRecord;

/** Content for records. */
final class Payload {
    /** A time that looks like one. */
    static final long TIME = 1_700_000_000_000L;
    private static final String[] WORDS = {"status", "active", "offset", "\"user\":", "order", "12", "apples", "Prague",
        "železnice", "null,", "{", "}", "0.25", "retry", "delivered", "z"};

    private Payload() {
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Bytes that compress about as well as events in JSON do. */
    static byte[] text(RandomGenerator random, int size) {
        StringBuilder text = new StringBuilder(size + 16);
        while (text.length() < size) {
            int pick = random.nextInt(WORDS.length + 2);
            text.append(pick < WORDS.length ? WORDS[pick] : Integer.toString(random.nextInt(1_000_000))).append(' ');
        }
        return java.util.Arrays.copyOf(utf8(text.toString()), size);
    }

    /** Bytes that do not compress. */
    static byte[] noise(RandomGenerator random, int size) {
        byte[] bytes = new byte[size];
        random.nextBytes(bytes);
        return bytes;
    }

    /** Bytes that compress to next to nothing. */
    static byte[] repeated(String unit, int size) {
        byte[] from = utf8(unit);
        byte[] bytes = new byte[size];
        for (int at = 0; at < size; at++) {
            bytes[at] = from[at % from.length];
        }
        return bytes;
    }

    static SimpleRecord record(long timestamp, String key, String value, Header... headers) {
        return new SimpleRecord(timestamp, key == null ? null : utf8(key), value == null ? null : utf8(value), headers);
    }

    static Header header(String key, String value) {
        return new RecordHeader(key, value == null ? null : utf8(value));
    }

    /** Ordinary records, a few bytes each, 1 ms apart. */
    static List<SimpleRecord> ordinary(int count) {
        List<SimpleRecord> records = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            records.add(record(TIME + i, "key-" + i % 7, "value number " + i));
        }
        return records;
    }
}
