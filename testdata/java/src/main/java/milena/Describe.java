package milena;

import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.zip.CRC32C;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.DefaultRecordBatch;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.utils.BufferSupplier;
import org.apache.kafka.common.utils.CloseableIterator;
import org.apache.kafka.common.utils.Utils;

/** What Apache's reader reads out of a record set, as JSON. {@link GoldenBatches#HELP} says how it looks. */
final class Describe {
    /** Bytes up to so many are written out. */
    private static final int WRITTEN_OUT = 64;
    private static final HexFormat HEX = HexFormat.of();

    private final BufferSupplier buffers = BufferSupplier.create();
    private final Json json;

    Describe(Json json) {
        this.json = json;
    }

    /** Adds the batches of the set to the object that was begun. */
    void batches(ByteBuffer set) {
        json.array("batches");
        for (MutableRecordBatch batch : Recipe.records(set).batches()) {
            batch.ensureValid();
            json.object();
            batch(batch);
            json.close('}');
        }
        json.close(']');
    }

    private void batch(MutableRecordBatch batch) {
        json.field("magic", batch.magic()).field("size", batch.sizeInBytes()).field("crc", batch.checksum())
                .field("codec", batch.compressionType().name).field("timestampType", batch.timestampType().toString())
                .field("maxTimestamp", batch.maxTimestamp()).field("lastOffset", batch.lastOffset())
                .field("nextOffset", batch.nextOffset());
        if (batch instanceof DefaultRecordBatch current) {
            json.field("baseOffset", current.baseOffset()).field("baseTimestamp", current.baseTimestamp())
                    .field("leaderEpoch", current.partitionLeaderEpoch()).field("producerId", current.producerId())
                    .field("producerEpoch", current.producerEpoch()).field("baseSequence", current.baseSequence())
                    .field("lastSequence", current.lastSequence()).field("count", current.countOrNull())
                    .field("transactional", current.isTransactional() ? 1 : 0)
                    .field("control", current.isControlBatch() ? 1 : 0);
            if (current.deleteHorizonMs().isPresent()) {
                json.field("deleteHorizon", current.deleteHorizonMs().getAsLong());
            } else {
                json.nothing("deleteHorizon");
            }
        }
        json.array("records");
        try (CloseableIterator<Record> records = batch.streamingIterator(buffers)) {
            while (records.hasNext()) {
                Record record = records.next();
                record.ensureValid();
                json.array();
                record(record);
                if (batch.isControlBatch()) {
                    control(record);
                }
                json.close(']');
            }
        }
        json.close(']');
    }

    private void record(Record record) {
        json.value(record.offset()).value(record.timestamp());
        bytes(record.key());
        bytes(record.value());
        json.array();
        for (Header header : record.headers()) {
            json.array().value(header.key());
            bytes(Utils.wrapNullable(header.value()));
            json.close(']');
        }
        json.close(']');
    }

    private void control(Record record) {
        ControlRecordType type = ControlRecordType.parse(record.key());
        json.array().value(ControlRecordType.parseTypeId(record.key()));
        if (type == ControlRecordType.COMMIT || type == ControlRecordType.ABORT) {
            json.value(EndTransactionMarker.deserialize(record).coordinatorEpoch());
        }
        json.close(']');
    }

    private void bytes(ByteBuffer bytes) {
        if (bytes == null) {
            json.nothing();
        } else if (bytes.remaining() <= WRITTEN_OUT) {
            json.value(HEX.formatHex(Utils.toArray(bytes)));
        } else {
            CRC32C crc = new CRC32C();
            int length = bytes.remaining();
            crc.update(bytes);
            json.array().value(length).value(crc.getValue()).close(']');
        }
    }
}
