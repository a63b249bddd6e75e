package milena;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.internal.SimpleRecord;

/** Record sets that nobody has seen: a seed decides all about them. */
final class RandomBatches {
    private static final int MAX_RECORDS = 400;
    /** Bytes of keys, values and headers in a batch. */
    private static final int MAX_BYTES = 1 << 20;
    /** The same where a level is slow. */
    private static final int MAX_BYTES_OF_SLOW = 1 << 17;

    private final SplittableRandom random;
    private final List<Map.Entry<String, Compression>> levels = List.copyOf(Levels.all().entrySet());
    private int left;

    private RandomBatches(SplittableRandom random) {
        this.random = random;
    }

    static void write(GoldenBatches.Sink sink, long seed, long cases) throws IOException {
        SplittableRandom seeds = new SplittableRandom(seed);
        for (long i = 0; i < cases; i++) {
            // The first cases go through all levels once.
            new RandomBatches(seeds.split()).set(sink, i);
        }
    }

    private void set(GoldenBatches.Sink sink, long number) throws IOException {
        int count = chance(3) ? 1 + random.nextInt(4) : 1;
        ByteBuffer[] batches = new ByteBuffer[count];
        StringBuilder name = new StringBuilder("java/" + number);
        long offset = chance(2) ? 0 : random.nextLong(1L << (1 + random.nextInt(62)));
        boolean built = true;
        for (int i = 0; i < count; i++) {
            int at = number < levels.size() && i == 0 ? (int) number : random.nextInt(levels.size());
            Map.Entry<String, Compression> level = levels.get(at);
            int magic = chance(5) && !level.getKey().startsWith("zstd") ? random.nextInt(2) : 2;
            Recipe recipe = recipe(magic, offset).with(level.getValue());
            List<SimpleRecord> records = records(magic, level.getKey());
            batches[i] = recipe.of(records);
            if (magic > 0 && chance(5)) {
                Recipe.dated(batches[i], time());
            }
            offset += records.size() + (chance(2) ? 0 : random.nextInt(1000));
            built &= magic == 2;
            name.append(i == 0 ? "/" : "+").append(magic == 2 ? "" : "v" + magic + "-").append(level.getKey());
        }
        sink.add(name.toString(), built, Recipe.together(batches));
    }

    private Recipe recipe(int magic, long offset) {
        Recipe recipe = magic == 2 ? Recipe.PLAIN : Recipe.legacy(magic);
        if (magic == 2 && chance(2)) {
            int sequence = chance(4) ? Integer.MAX_VALUE - random.nextInt(9) : random.nextInt(Integer.MAX_VALUE);
            recipe = recipe.by(random.nextLong(Long.MAX_VALUE), random.nextInt(1 + Short.MAX_VALUE), sequence, chance(2));
        }
        if (magic > 0 && chance(4)) {
            recipe = recipe.appendedAt(time());
        }
        return recipe.at(offset, magic == 2 && chance(2) ? random.nextInt(1000) : -1);
    }

    private List<SimpleRecord> records(int magic, String level) {
        boolean slow = level.matches("zstd:(1\\d|2\\d)|lz4:1\\d");
        left = 1 + random.nextInt(1 << random.nextInt(1, 1 + bits(slow ? MAX_BYTES_OF_SLOW : MAX_BYTES)));
        int count = 1 + random.nextInt(1 << random.nextInt(1, bits(MAX_RECORDS)));
        List<SimpleRecord> records = new ArrayList<>();
        long time = time();
        for (int i = 0; i < count; i++) {
            int headers = magic == 2 && chance(3) ? random.nextInt(chance(20) ? 100 : 5) : 0;
            Header[] added = new Header[headers];
            for (int h = 0; h < headers; h++) {
                added[h] = new RecordHeader(headerKey(), content());
            }
            records.add(new SimpleRecord(time, content(), content(), added));
            time = switch (random.nextInt(8)) {
                case 0 -> time();
                case 1 -> Math.max(0, time - random.nextInt(1000));
                default -> Math.max(0, time + random.nextInt(3));
            };
        }
        return records;
    }

    private long time() {
        return switch (random.nextInt(6)) {
            case 0 -> random.nextLong(Long.MAX_VALUE);
            case 1 -> random.nextInt(3) - 1;
            default -> Payload.TIME + random.nextInt();
        };
    }

    private String headerKey() {
        int length = chance(30) ? random.nextInt(300) : random.nextInt(12);
        StringBuilder key = new StringBuilder();
        for (int i = 0; i < length; i++) {
            int point = random.nextInt(chance(4) ? 0x110000 : 0x80);
            key.appendCodePoint(point >= 0xd800 && point < 0xe000 ? 'x' : point);
        }
        left -= key.length();
        return key.toString();
    }

    private byte[] content() {
        if (left <= 0 || chance(6)) {
            return chance(2) ? null : new byte[0];
        }
        int size = Math.min(left, random.nextInt(1 << random.nextInt(1, 21)));
        left -= size;
        return switch (random.nextInt(4)) {
            case 0 -> Payload.noise(random, size);
            case 1 -> Payload.repeated("unit " + random.nextInt(), size);
            default -> Payload.text(random, size);
        };
    }

    private boolean chance(int oneIn) {
        return random.nextInt(oneIn) == 0;
    }

    private static int bits(int number) {
        return 32 - Integer.numberOfLeadingZeros(number - 1);
    }
}
