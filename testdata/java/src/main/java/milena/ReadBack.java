package milena;

import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.zip.CRC32C;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Reads topics from beginning to end with Apache's own consumer. {@link #HELP} says what it prints. */
public final class ReadBack {
    private static final String HELP = """
            milena.ReadBack --bootstrap HOST:PORT[,...] --topic TOPIC[,...] [options]

              --isolation read_uncommitted|read_committed   default read_uncommitted
              --digest                  one line per partition instead of one per record
              --timeout-seconds N       without a new record for so long it fails; default 30
              --set KEY=VALUE           a setting of the consumer; repeatable

            Prints every record between the beginning and the end as they are at the start, ordered by topic
            as given, partition, and offset:
              {"topic":T,"partition":0,"offset":0,"timestamp":MS,"timestampType":"CreateTime","key":BYTES,
               "value":BYTES,"headers":[[KEY,BYTES],...]}
            on one line. BYTES is null or base64 with padding; timestampType is CreateTime, LogAppendTime or
            NoTimestampType.

            With --digest, one line for each partition, empty ones too:
              {"topic":T,"partition":0,"begin":0,"end":1000,"records":1000,"digest":3735928559}
            begin and end are offsets in the log (end: the next to be written, or with read_committed the last
            stable offset). digest is CRC-32C over all records in order, each as: offset (8 bytes, big-endian as
            all that follows), timestamp (8), key, value, header count (4), and each header's key and value; keys
            and values are a length (4, -1 for null) and the bytes.
            """;
    private static final Set<String> OPTIONS = Set.of("bootstrap", "topic", "isolation", "timeout-seconds");

    private final KafkaConsumer<byte[], byte[]> consumer;
    private final PrintStream out;
    private final Duration timeout;
    private final boolean digestOnly;
    private final Json json = new Json();

    private ReadBack(Options options, PrintStream out) {
        Properties properties = new Properties();
        properties.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, options.required("bootstrap"));
        properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                options.choice("isolation", "read_uncommitted", "read_committed"));
        properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        properties.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
        properties.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 20_000);
        properties.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 8 << 20);
        options.applySettings(properties);
        this.consumer = new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        this.out = out;
        this.timeout = Duration.ofSeconds(options.number("timeout-seconds", 30));
        this.digestOnly = options.flag("digest");
    }

    /** Prints what was asked for. Ends with status 1 when it could not read everything. */
    public static void main(String[] arguments) {
        Options options = new Options(arguments, OPTIONS, Set.of("digest"), HELP);
        String[] topics = options.required("topic").split(",");
        PrintStream out = Output.buffered();
        ReadBack readBack = new ReadBack(options, out);
        try (readBack.consumer) {
            for (String topic : topics) {
                readBack.topic(topic);
            }
        } catch (RuntimeException e) {
            out.flush();
            System.err.println("ReadBack failed: " + e);
            System.exit(1);
        }
        Output.finish(out);
    }

    private void topic(String topic) {
        List<PartitionInfo> partitions = new ArrayList<>(consumer.partitionsFor(topic, timeout));
        if (partitions.isEmpty()) {
            throw new IllegalStateException("there is no topic " + topic);
        }
        partitions.sort(Comparator.comparingInt(PartitionInfo::partition));
        for (PartitionInfo partition : partitions) {
            partition(new TopicPartition(topic, partition.partition()));
        }
    }

    /** One partition at a time, so that records come in order and none has to be kept. */
    private void partition(TopicPartition partition) {
        List<TopicPartition> only = List.of(partition);
        consumer.assign(only);
        long begin = consumer.beginningOffsets(only, timeout).get(partition);
        long end = consumer.endOffsets(only, timeout).get(partition);
        consumer.seek(partition, begin);

        Digest digest = new Digest();
        long heard = System.nanoTime();
        // The position also passes what is no record to an application: markers, and aborted transactions.
        while (consumer.position(partition, timeout) < end) {
            ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(200));
            for (ConsumerRecord<byte[], byte[]> record : records) {
                if (record.offset() >= end) {
                    break;
                }
                if (digestOnly) {
                    digest.add(record);
                } else {
                    print(record);
                }
            }
            if (!records.isEmpty()) {
                heard = System.nanoTime();
            } else if (System.nanoTime() - heard > timeout.toNanos()) {
                throw new IllegalStateException(partition + " stays at offset " + consumer.position(partition)
                        + " of " + end);
            }
        }
        if (digestOnly) {
            out.print(json.begin().field("topic", partition.topic()).field("partition", partition.partition())
                    .field("begin", begin).field("end", end).field("records", digest.records)
                    .field("digest", digest.sum.getValue()).end());
        }
    }

    private void print(ConsumerRecord<byte[], byte[]> record) {
        out.print(json.begin().field("topic", record.topic()).field("partition", record.partition())
                .field("offset", record.offset()).field("timestamp", record.timestamp())
                .field("timestampType", record.timestampType().toString()).field("key", record.key())
                .field("value", record.value()).field("headers", record.headers()).end());
    }

    private static final class Digest {
        private final CRC32C sum = new CRC32C();
        private final ByteBuffer number = ByteBuffer.allocate(8);
        private long records;

        void add(ConsumerRecord<byte[], byte[]> record) {
            records++;
            sum.update(number.clear().putLong(record.offset()).flip());
            sum.update(number.clear().putLong(record.timestamp()).flip());
            bytes(record.key());
            bytes(record.value());
            Header[] headers = record.headers().toArray();
            length(headers.length);
            for (Header header : headers) {
                bytes(header.key().getBytes(StandardCharsets.UTF_8));
                bytes(header.value());
            }
        }

        private void bytes(byte[] value) {
            length(value == null ? -1 : value.length);
            if (value != null) {
                sum.update(value);
            }
        }

        private void length(int length) {
            sum.update(number.clear().putInt(length).flip());
        }
    }
}
