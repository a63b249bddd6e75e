package milena;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.LongPredicate;
import java.util.stream.IntStream;
import java.util.zip.CRC32C;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.compress.Lz4BlockOutputStream;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.message.KRaftVersionRecord;
import org.apache.kafka.common.message.LeaderChangeMessage;
import org.apache.kafka.common.message.SnapshotFooterRecord;
import org.apache.kafka.common.message.SnapshotHeaderRecord;
import org.apache.kafka.common.message.VotersRecord;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.DefaultRecordBatch;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.LegacyRecord;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecords.RecordFilter.BatchRetention;
import org.apache.kafka.common.record.internal.MemoryRecords.RecordFilter.BatchRetentionResult;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.BufferSupplier;

/** The cases of the committed corpus, the same in every run. */
final class BatchCases {
    private static final Map<String, Compression> CODECS = codecs();
    private static final int KIB = 1024;
    private static final int MIB = 1 << 20;
    /** Bytes of a batch's header. */
    private static final int OVERHEAD = DefaultRecordBatch.RECORD_BATCH_OVERHEAD;

    private final GoldenBatches.Sink sink;

    private BatchCases(GoldenBatches.Sink sink) {
        this.sink = sink;
    }

    static void write(GoldenBatches.Sink sink) throws IOException {
        BatchCases cases = new BatchCases(sink);
        cases.shapes();
        cases.levels();
        cases.frames();
        cases.sizes();
        cases.control();
        cases.compacted();
        cases.legacy();
    }

    private static Map<String, Compression> codecs() {
        Map<String, Compression> codecs = new LinkedHashMap<>();
        for (CompressionType type : CompressionType.values()) {
            codecs.put(type.name, Compression.of(type).build());
        }
        return codecs;
    }

    /** A batch that a producer could have made, with every codec. */
    private void built(String name, Recipe recipe, List<SimpleRecord> records) throws IOException {
        for (Map.Entry<String, Compression> codec : CODECS.entrySet()) {
            sink.add(name + "/" + codec.getKey(), true, recipe.with(codec.getValue()).of(records));
        }
    }

    private void shapes() throws IOException {
        Recipe plain = Recipe.PLAIN;
        List<SimpleRecord> ordinary = Payload.ordinary(20);
        sink.add("shape/nothing", true, ByteBuffer.allocate(0));
        built("shape/ordinary", plain, ordinary);
        built("shape/null-and-empty", plain, nullAndEmpty());
        built("shape/headers", plain, headers());
        built("shape/times-backwards", plain, List.of(at(Payload.TIME), at(Payload.TIME - 1), at(Payload.TIME - 64),
                at(Payload.TIME - 65), at(Payload.TIME - 86_400_000L), at(Payload.TIME + 5), at(0)));
        built("shape/extreme-times", plain, List.of(at(0), at(Long.MAX_VALUE), at(-1), at(1), at(Long.MAX_VALUE)));
        built("shape/times-from-the-end", plain, List.of(at(Long.MAX_VALUE), at(0), at(-1)));
        built("shape/no-time", plain, List.of(at(-1), at(-1)));
        built("shape/append-time", plain.appendedAt(Payload.TIME + 77), ordinary);
        built("shape/append-time-zero", plain.appendedAt(0).at(5, 1), nullAndEmpty());
        built("shape/idempotent", plain.by(1000, 3, 0, false), ordinary);
        built("shape/transactional", plain.by(1000, 3, 42, true), ordinary);
        built("shape/sequence-wraps", plain.by(Long.MAX_VALUE, Short.MAX_VALUE, Integer.MAX_VALUE - 4, true), ordinary);
        built("shape/sequence-ends", plain.by(0, 0, Integer.MAX_VALUE, false), List.of(at(1)));
        built("shape/placed", plain.at(1L << 40, 7), ordinary);
        built("shape/extreme-offset", plain.at(Long.MAX_VALUE - 20, Integer.MAX_VALUE), ordinary);
        built("shape/many-nulls", plain, IntStream.range(0, 3000)
                .mapToObj(i -> new SimpleRecord(Payload.TIME, (byte[]) null, (byte[]) null)).toList());
        built("shape/lengths", plain, lengths());

        List<ByteBuffer> batches = new ArrayList<>();
        long offset = 100;
        for (Compression codec : CODECS.values()) {
            batches.add(plain.with(codec).at(offset, 4).by(7, 0, (int) (offset - 100), false).of(ordinary));
            offset += ordinary.size();
        }
        sink.add("shape/several-batches", true, Recipe.together(batches.toArray(ByteBuffer[]::new)));
        sink.add("shape/dated-by-broker", true, Recipe.dated(plain.of(ordinary), 5));
        sink.add("shape/unused-attributes", false, withUnusedAttributes(plain.of(ordinary)));
    }

    private static SimpleRecord at(long timestamp) {
        return Payload.record(timestamp, null, "at " + timestamp);
    }

    private static List<SimpleRecord> nullAndEmpty() {
        List<SimpleRecord> records = new ArrayList<>();
        String[] contents = {null, "", "x"};
        for (String key : contents) {
            for (String value : contents) {
                records.add(Payload.record(Payload.TIME, key, value));
            }
        }
        return records;
    }

    private static List<SimpleRecord> headers() {
        Header[] many = IntStream.range(0, 200).mapToObj(i -> Payload.header("name-" + i % 9, "v" + i))
                .toArray(Header[]::new);
        Header[] odd = {Payload.header("null", null), Payload.header("empty", ""), Payload.header("", "no name"),
            Payload.header("", null), Payload.header("twice", "a"), Payload.header("twice", "b"),
            Payload.header("twice", "a"), Payload.header("ключ \"\\\t\u0000", "é"), Payload.header("\ud83e\udd80", "crab"),
            Payload.header("long name ".repeat(30), "long value ".repeat(300))};
        return List.of(Payload.record(Payload.TIME, "none", "none"),
                Payload.record(Payload.TIME, "one", "one", Payload.header("h", "1")),
                Payload.record(Payload.TIME, null, null, odd), Payload.record(Payload.TIME, "", "", many));
    }

    /** Values whose lengths, and their records' lengths, are where a varint grows. */
    private static List<SimpleRecord> lengths() {
        List<SimpleRecord> records = new ArrayList<>();
        for (int length : new int[] {50, 56, 57, 63, 64, 65, 8170, 8183, 8184, 8191, 8192, 8193}) {
            records.add(new SimpleRecord(Payload.TIME, (byte[]) null, Payload.repeated("length " + length + " ", length)));
        }
        return records;
    }

    /** Sets the attribute bits that mean nothing so far. */
    private static ByteBuffer withUnusedAttributes(ByteBuffer batch) {
        ByteBuffer changed = ByteBuffer.allocate(batch.remaining()).put(batch.duplicate()).flip();
        changed.putShort(21, (short) 0xff80);
        CRC32C crc = new CRC32C();
        crc.update(changed.duplicate().position(21));
        return changed.putInt(17, (int) crc.getValue());
    }

    private void levels() throws IOException {
        SplittableRandom random = new SplittableRandom(1);
        List<SimpleRecord> records = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            records.add(new SimpleRecord(Payload.TIME + i, Payload.utf8("key"), Payload.text(random, 2 * KIB)));
        }
        for (Map.Entry<String, Compression> codec : Levels.all().entrySet()) {
            sink.add("level/" + codec.getKey(), true, Recipe.PLAIN.with(codec.getValue()).of(records));
        }
    }

    /** Lz4 frames other than Kafka's own, which its reader takes from other clients. */
    private void frames() throws IOException {
        SplittableRandom random = new SplittableRandom(2);
        List<SimpleRecord> records = List.of(new SimpleRecord(Payload.TIME, (byte[]) null, Payload.text(random, 3 * KIB)),
                new SimpleRecord(Payload.TIME, (byte[]) null, Payload.repeated("frame ", 300 * KIB)),
                new SimpleRecord(Payload.TIME, (byte[]) null, Payload.noise(random, KIB)));
        for (int blockSize = 4; blockSize <= 7; blockSize++) {
            for (boolean checksums : new boolean[] {false, true}) {
                sink.add("frame/lz4-blocks-" + blockSize + (checksums ? "-checksums" : ""), true,
                        lz4(Recipe.PLAIN.of(records), records.size(), blockSize, checksums));
            }
        }
    }

    /** The uncompressed batch once more, compressed with these settings. */
    private static ByteBuffer lz4(ByteBuffer batch, int count, int blockSize, boolean checksums) throws IOException {
        ByteArrayOutputStream compressed = new ByteArrayOutputStream();
        try (Lz4BlockOutputStream out = new Lz4BlockOutputStream(compressed, blockSize, 9, checksums, false)) {
            out.write(batch.array(), batch.arrayOffset() + OVERHEAD, batch.remaining() - OVERHEAD);
        }
        int size = OVERHEAD + compressed.size();
        ByteBuffer made = ByteBuffer.allocate(size);
        made.position(OVERHEAD);
        made.put(compressed.toByteArray());
        made.position(0);
        DefaultRecordBatch.writeHeader(made, 0, count - 1, size, RecordBatch.CURRENT_MAGIC_VALUE, CompressionType.LZ4,
                TimestampType.CREATE_TIME, Payload.TIME, Payload.TIME, RecordBatch.NO_PRODUCER_ID,
                RecordBatch.NO_PRODUCER_EPOCH, RecordBatch.NO_SEQUENCE, false, false, false,
                RecordBatch.NO_PARTITION_LEADER_EPOCH, count);
        return made.position(0).limit(size);
    }

    private void sizes() throws IOException {
        SplittableRandom random = new SplittableRandom(3);
        // Around the blocks of the codecs: 32 KiB in snappy, 64 KiB in lz4, 128 KiB in zstd.
        for (int size : new int[] {0, 1, 100, 16 * KIB, 32 * KIB - 70, 32 * KIB, 64 * KIB - 70, 64 * KIB, 128 * KIB + 1,
            256 * KIB, MIB}) {
            built("size/one-of-" + size, Recipe.PLAIN, List.of(sized(random, size)));
        }
        built("size/many-of-1024", Recipe.PLAIN,
                IntStream.range(0, 1000).mapToObj(i -> sized(random, KIB)).toList());
        built("size/noise", Recipe.PLAIN,
                List.of(new SimpleRecord(Payload.TIME, (byte[]) null, Payload.noise(random, 4 * KIB))));
    }

    /** Text that repeats after a while, with changes: a record of any size that takes little room in the corpus. */
    private static SimpleRecord sized(SplittableRandom random, int size) {
        byte[] unit = Payload.text(new SplittableRandom(4), 4 * KIB);
        byte[] value = new byte[size];
        for (int at = 0; at < size; at++) {
            value[at] = unit[at % unit.length];
        }
        for (int at = random.nextInt(3 * KIB); at < size; at += 1 + random.nextInt(30 * KIB)) {
            value[at] = (byte) random.nextInt();
        }
        return new SimpleRecord(Payload.TIME, (byte[]) null, value);
    }

    private void control() throws IOException {
        for (ControlRecordType type : List.of(ControlRecordType.ABORT, ControlRecordType.COMMIT)) {
            EndTransactionMarker marker = new EndTransactionMarker(type, 17);
            sink.add("control/" + type, false,
                    MemoryRecords.withEndTransactionMarker(25, Payload.TIME, 3, 1000, (short) 7, marker).buffer());
        }
        ByteBuffer transaction = Recipe.PLAIN.at(0, 3).by(1000, 7, 0, true).of(Payload.ordinary(5));
        ByteBuffer end = MemoryRecords.withEndTransactionMarker(5, Payload.TIME, 3, 1000, (short) 7,
                new EndTransactionMarker(ControlRecordType.COMMIT, -1)).buffer();
        sink.add("control/transaction", false, Recipe.together(transaction, end));
        sink.add("control/leader-change", false, MemoryRecords.withLeaderChangeMessage(1, Payload.TIME, 9,
                ByteBuffer.allocate(512), new LeaderChangeMessage().setLeaderId(2).setVoters(List.of(
                        new LeaderChangeMessage.Voter().setVoterId(1), new LeaderChangeMessage.Voter().setVoterId(2))))
                .buffer());
        sink.add("control/snapshot-header", false, MemoryRecords.withSnapshotHeaderRecord(0, Payload.TIME, 9,
                ByteBuffer.allocate(512), new SnapshotHeaderRecord().setLastContainedLogTimestamp(5)).buffer());
        sink.add("control/snapshot-footer", false, MemoryRecords.withSnapshotFooterRecord(8, Payload.TIME, 9,
                ByteBuffer.allocate(512), new SnapshotFooterRecord()).buffer());
        sink.add("control/kraft-version", false, MemoryRecords.withKRaftVersionRecord(1, Payload.TIME, 9,
                ByteBuffer.allocate(512), new KRaftVersionRecord().setKRaftVersion((short) 1)).buffer());
        sink.add("control/kraft-voters", false, MemoryRecords.withVotersRecord(2, Payload.TIME, 9,
                ByteBuffer.allocate(512), new VotersRecord().setVoters(List.of(
                        new VotersRecord.Voter().setVoterId(1), new VotersRecord.Voter().setVoterId(2)))).buffer());
    }

    private void compacted() throws IOException {
        Recipe recipe = Recipe.PLAIN.at(50, 2).by(9, 1, 10, false);
        List<SimpleRecord> tombstones = new ArrayList<>(Payload.ordinary(10));
        tombstones.set(3, Payload.record(Payload.TIME, "gone", null));
        tombstones.set(9, Payload.record(Payload.TIME - 9, "gone too", null));
        for (Map.Entry<String, Compression> codec : CODECS.entrySet()) {
            ByteBuffer batch = recipe.with(codec.getValue()).of(Payload.ordinary(10));
            String of = "/" + codec.getKey();
            sink.add("compacted/gaps" + of, false, compact(batch, offset -> offset % 3 == 0));
            sink.add("compacted/first-gone" + of, false, compact(batch, offset -> offset > 50));
            sink.add("compacted/last-gone" + of, false, compact(batch, offset -> offset < 58));
            sink.add("compacted/one-left" + of, false, compact(batch, offset -> offset == 55));
            sink.add("compacted/all-gone" + of, false, compact(batch, offset -> false));
            sink.add("compacted/delete-horizon" + of, false,
                    compact(recipe.with(codec.getValue()).of(tombstones), offset -> offset != 51));
            sink.add("compacted/append-time" + of, false, compact(
                    recipe.with(codec.getValue()).appendedAt(Payload.TIME + 9).of(tombstones), offset -> offset != 51));
            sink.add("compacted/several" + of, false, compact(Recipe.together(batch,
                    recipe.with(codec.getValue()).at(60, 2).by(9, 1, 20, false).of(tombstones)), offset -> offset % 7 == 0));
        }
        ByteBuffer end = MemoryRecords.withEndTransactionMarker(5, Payload.TIME, 3, 1000, (short) 7,
                new EndTransactionMarker(ControlRecordType.ABORT, 4)).buffer();
        sink.add("compacted/marker-of-nothing", false, compact(end, offset -> true));
    }

    /** What the log cleaner makes of the set. */
    private static ByteBuffer compact(ByteBuffer set, LongPredicate keep) {
        MemoryRecords.RecordFilter filter = new MemoryRecords.RecordFilter(Payload.TIME + 1_000_000, 86_400_000) {
            @Override
            protected BatchRetentionResult checkBatchRetention(RecordBatch batch) {
                return new BatchRetentionResult(batch.magic() < 2 ? BatchRetention.DELETE_EMPTY
                        : BatchRetention.RETAIN_EMPTY, batch.isControlBatch());
            }

            @Override
            protected boolean shouldRetainRecord(RecordBatch batch, Record record) {
                return keep.test(record.offset());
            }
        };
        ByteBuffer out = ByteBuffer.allocate(2 * set.remaining() + KIB);
        return Recipe.records(set).filterTo(filter, out, BufferSupplier.NO_CACHING).outputBuffer().flip();
    }

    private void legacy() throws IOException {
        for (int magic = 0; magic <= 1; magic++) {
            for (Map.Entry<String, Compression> codec : CODECS.entrySet()) {
                if (!codec.getKey().equals("zstd")) {
                    legacy(Recipe.legacy(magic).with(codec.getValue()), "legacy/v" + magic + "-", "/" + codec.getKey());
                }
            }
        }
        List<SimpleRecord> few = Payload.ordinary(3);
        sink.add("legacy/followed-by-others", false, Recipe.together(Recipe.legacy(0).of(few),
                Recipe.legacy(0).with(CODECS.get("lz4")).at(3, -1).of(few),
                Recipe.legacy(1).with(CODECS.get("gzip")).at(6, -1).of(few), Recipe.legacy(1).at(9, -1).of(few),
                Recipe.PLAIN.with(CODECS.get("zstd")).at(12, 0).of(few)));
    }

    private void legacy(Recipe recipe, String name, String of) throws IOException {
        List<SimpleRecord> withoutHeaders = Payload.ordinary(10);
        boolean compressed = recipe.compression().type() != CompressionType.NONE;
        sink.add(name + "one" + of, false, recipe.of(Payload.ordinary(1)));
        sink.add(name + "ordinary" + of, false, recipe.of(withoutHeaders));
        sink.add(name + "null-and-empty" + of, false, recipe.of(nullAndEmpty()));
        sink.add(name + "placed" + of, false, recipe.at(1L << 40, -1).of(withoutHeaders));
        sink.add(name + "extreme-offset" + of, false, recipe.at(Long.MAX_VALUE - 10, -1).of(withoutHeaders));
        sink.add(name + "large" + of, false, recipe.of(sized(new SplittableRandom(5), 200 * KIB)));
        sink.add(name + "compacted" + of, false, compact(recipe.at(30, -1).of(withoutHeaders), o -> o % 4 == 1));
        sink.add(name + "several" + of, false, Recipe.together(recipe.of(withoutHeaders),
                recipe.at(10, -1).of(withoutHeaders), recipe.at(25, -1).of(withoutHeaders)));
        if (recipe.magic() == 1) {
            sink.add(name + "append-time" + of, false, recipe.appendedAt(Payload.TIME + 77).of(withoutHeaders));
            sink.add(name + "dated-by-broker" + of, false, Recipe.dated(recipe.of(withoutHeaders), 5));
            sink.add(name + "extreme-times" + of, false, recipe.of(at(0), at(Long.MAX_VALUE), at(-1)));
            if (compressed) {
                // A producer may leave the wrapper's offset at 0; it is outside the checksum.
                sink.add(name + "offset-left-out" + of, false, recipe.of(withoutHeaders).putLong(0, 0));
            }
        }
        if (compressed) {
            // Brokers of that time wrote such wrappers once (KAFKA-4298).
            byte other = (byte) (1 - recipe.magic());
            MemoryRecordsBuilder builder = recipe.at(70, -1).builder();
            for (int i = 0; i < 3; i++) {
                builder.appendUncheckedWithOffset(70 + i,
                        LegacyRecord.create(other, Payload.TIME + i, Payload.utf8("key"), Payload.utf8("value " + i)));
            }
            sink.add(name + "holds-v" + other + of, false, builder.build().buffer());
        }
    }
}
