package milena;

import java.nio.ByteBuffer;
import java.util.List;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.ByteBufferOutputStream;

/** What stands on a batch besides its records; each method gives the recipe with one thing changed. */
record Recipe(byte magic, Compression compression, TimestampType timestampType, long appendTime, long baseOffset,
        long producerId, short producerEpoch, int baseSequence, boolean transactional, int leaderEpoch) {

    /** A batch of a producer without idempotence. */
    static final Recipe PLAIN = new Recipe(RecordBatch.CURRENT_MAGIC_VALUE, Compression.NONE, TimestampType.CREATE_TIME,
            RecordBatch.NO_TIMESTAMP, 0, RecordBatch.NO_PRODUCER_ID, RecordBatch.NO_PRODUCER_EPOCH,
            RecordBatch.NO_SEQUENCE, false, RecordBatch.NO_PARTITION_LEADER_EPOCH);

    /** Messages of format 0 or 1. */
    static Recipe legacy(int magic) {
        return new Recipe((byte) magic, Compression.NONE,
                magic == 0 ? TimestampType.NO_TIMESTAMP_TYPE : TimestampType.CREATE_TIME, RecordBatch.NO_TIMESTAMP, 0,
                RecordBatch.NO_PRODUCER_ID, RecordBatch.NO_PRODUCER_EPOCH, RecordBatch.NO_SEQUENCE, false,
                RecordBatch.NO_PARTITION_LEADER_EPOCH);
    }

    Recipe with(Compression compression) {
        return new Recipe(magic, compression, timestampType, appendTime, baseOffset, producerId, producerEpoch,
                baseSequence, transactional, leaderEpoch);
    }

    Recipe appendedAt(long time) {
        return new Recipe(magic, compression, TimestampType.LOG_APPEND_TIME, time, baseOffset, producerId,
                producerEpoch, baseSequence, transactional, leaderEpoch);
    }

    Recipe at(long baseOffset, int leaderEpoch) {
        return new Recipe(magic, compression, timestampType, appendTime, baseOffset, producerId, producerEpoch,
                baseSequence, transactional, leaderEpoch);
    }

    Recipe by(long producerId, int producerEpoch, int baseSequence, boolean transactional) {
        return new Recipe(magic, compression, timestampType, appendTime, baseOffset, producerId, (short) producerEpoch,
                baseSequence, transactional, leaderEpoch);
    }

    /** A batch of these records, whose offsets count from the base offset. */
    ByteBuffer of(List<SimpleRecord> records) {
        MemoryRecordsBuilder builder = builder();
        records.forEach(builder::append);
        return builder.build().buffer();
    }

    ByteBuffer of(SimpleRecord... records) {
        return of(List.of(records));
    }

    MemoryRecordsBuilder builder() {
        return new MemoryRecordsBuilder(new ByteBufferOutputStream(512), magic, compression, timestampType, baseOffset,
                appendTime, producerId, producerEpoch, baseSequence, transactional, false, leaderEpoch,
                Integer.MAX_VALUE);
    }

    /** Record sets one after another, as one. */
    static ByteBuffer together(ByteBuffer... sets) {
        int size = 0;
        for (ByteBuffer set : sets) {
            size += set.remaining();
        }
        ByteBuffer all = ByteBuffer.allocate(size);
        for (ByteBuffer set : sets) {
            all.put(set.duplicate());
        }
        return all.flip();
    }

    /** The set as a broker stores it that dates records itself: it changes the header alone. */
    static ByteBuffer dated(ByteBuffer set, long time) {
        for (MutableRecordBatch batch : records(set).batches()) {
            batch.setMaxTimestamp(TimestampType.LOG_APPEND_TIME, time);
        }
        return set;
    }

    /** The set as records. */
    static MemoryRecords records(ByteBuffer set) {
        return MemoryRecords.readableRecords(set.duplicate());
    }
}
