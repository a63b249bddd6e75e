package milena;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;

/** Draws the values of single fields: numbers, strings, bytes, record sets. */
final class GoldenValues {
    private static final double[] FLOATS = {0.0, -0.0, 1.0, -1.5, 0.1, 1e-3, 9.999e-4, 1e7, 9999999.5, 1e23, 2e-323,
        Double.MIN_VALUE, Double.MAX_VALUE, Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY};
    /** Of one to four bytes in UTF-8, with those that JSON escapes, and the ends of each length's range. */
    private static final int[] CODE_POINTS = {'a', 'Z', '0', ' ', '/', '"', '\\', '\n', '\t', '\r', '\b', '\f', 0, 0x1b, 0x7f,
        0x80, 0xe9, 0x7ff, 0x800, 0x2028, 0x4e16, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x1f980, 0x10ffff};
    private static final String PHRASE = "Kafka's \"měsíční\" тема 世界 🦀 ";

    private final GoldenFill.Kind kind;
    private final Random random;

    GoldenValues(GoldenFill.Kind kind, Random random) {
        this.kind = kind;
        this.random = random;
    }

    static boolean hasLength(Type type) {
        return switch (base(type)) {
            case "STRING", "BYTES", "RECORDS" -> true;
            default -> type.isArray();
        };
    }

    Object empty(Type type) {
        if (type.isArray()) {
            return new Object[0];
        }
        return switch (base(type)) {
            case "STRING" -> "";
            case "RECORDS" -> MemoryRecords.EMPTY;
            default -> ByteBuffer.allocate(0);
        };
    }

    /** A value, which is not {@code without} where every field is to have one of its own. */
    Object value(Type type, Object without, String name) {
        if (kind == GoldenFill.Kind.FULL && without instanceof Boolean set) {
            return !set;
        }
        Object value;
        do {
            value = draw(base(type), name);
        } while (kind == GoldenFill.Kind.FULL && value.equals(without));
        return value;
    }

    byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    /** The name of a type without what versions add to it. */
    private static String base(Type type) {
        return type.toString().replace("COMPACT_", "").replace("NULLABLE_", "");
    }

    private Object draw(String type, String name) {
        return switch (type) {
            case "BOOLEAN" -> random.nextBoolean();
            case "INT8" -> (byte) number();
            case "INT16" -> (short) number();
            case "INT32" -> (int) number();
            case "INT64" -> number();
            case "UINT16" -> (int) number() & 0xffff;
            case "FLOAT64" -> number(FLOATS);
            case "UUID" -> new Uuid(random.nextLong(), random.nextInt(8) == 0 ? 0 : random.nextLong());
            case "STRING" -> text(name);
            case "BYTES" -> ByteBuffer.wrap(bytes(length()));
            case "RECORDS" -> records();
            default -> throw new IllegalStateException("no values of type " + type);
        };
    }

    /** Its low bytes are used where it is too large. */
    private long number() {
        return switch (kind) {
            case FULL -> random.nextLong();
            case RANDOM -> switch (random.nextInt(6)) {
                case 0 -> random.nextInt(3) - 1;
                case 1 -> random.nextBoolean() ? Long.MAX_VALUE : Long.MIN_VALUE;
                case 2 -> (random.nextBoolean() ? 0x7f : 0x80) * 0x0101010101010101L;
                case 3 -> random.nextInt(1000);
                default -> random.nextLong();
            };
            default -> 1 + random.nextInt(9);
        };
    }

    private double number(double[] special) {
        return switch (kind) {
            case FULL -> random.nextGaussian() * 1e6;
            case RANDOM -> random.nextBoolean()
                    ? special[random.nextInt(special.length)]
                    : Double.longBitsToDouble(random.nextLong());
            default -> 1024.5;
        };
    }

    private int length() {
        return switch (kind) {
            case TEXT -> random.nextInt(64) == 0 ? 16383 + random.nextInt(3) : 127 + random.nextInt(80);
            case RANDOM -> switch (random.nextInt(32)) {
                case 0 -> 120 + random.nextInt(20);
                case 1 -> random.nextInt(400);
                default -> random.nextInt(12);
            };
            default -> 3;
        };
    }

    private String text(String name) {
        return switch (kind) {
            case FULL -> name + "-é" + random.nextInt(1000);
            case TEXT -> fitted(PHRASE, length());
            case RANDOM -> {
                StringBuilder text = new StringBuilder();
                for (int left = length(); left > 0; left--) {
                    text.appendCodePoint(CODE_POINTS[random.nextInt(CODE_POINTS.length)]);
                }
                yield text.toString();
            }
            default -> name + "-" + random.nextInt(10);
        };
    }

    /** The phrase again and again, to exactly so many bytes of UTF-8. */
    private static String fitted(String phrase, int length) {
        int size = phrase.getBytes(StandardCharsets.UTF_8).length;
        return phrase.repeat(length / size) + ".".repeat(length % size);
    }

    /** A real batch, or, since no message looks into it, any bytes. */
    private MemoryRecords records() {
        if (kind == GoldenFill.Kind.RANDOM || kind == GoldenFill.Kind.TEXT) {
            return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes(length())));
        }
        SimpleRecord record = new SimpleRecord(1_700_000_000_000L, bytes(3), bytes(8));
        return MemoryRecords.withRecords(Compression.NONE, record, record);
    }
}
