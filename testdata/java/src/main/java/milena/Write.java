package milena;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Properties;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Writes records of every shape with Apache's own producer, for readers to be tried on. */
public final class Write {
    private static final String HELP = """
            milena.Write --bootstrap HOST:PORT[,...] --topic TOPIC [options]

              --count N                 default 1000
              --size N                  bytes of an ordinary value; default 100
              --partition N             all to this partition; default: as the producer chooses
              --compression none|gzip|snappy|lz4|zstd       default none
              --timestamp MS            of the first record, each later one 1 ms more; default: the time of sending
              --transaction none|commit|abort               default none; all records in one transaction
              --set KEY=VALUE           a setting of the producer (linger.ms, batch.size, acks); repeatable

            Record i has these parts, each chosen by i alone:
              key      i%4: 0 null, 1 empty, else "key-I"
              value    i%8: 0 null, 1 empty, 2 SIZE incompressible bytes, else "value-I " repeated to SIZE bytes
              headers  i%3: 0 none, 1 ["h" = "I"], 2 ["h" = "first", "h" = null, "" = empty, "ключ" = "I"]
            Prints one line for each acknowledged record, in order of i:
              {"index":0,"topic":T,"partition":0,"offset":0,"timestamp":MS}
            """;
    private static final Set<String> OPTIONS =
            Set.of("bootstrap", "topic", "count", "size", "partition", "compression", "timestamp", "transaction");

    private final KafkaProducer<byte[], byte[]> producer;
    private final Options options;
    private final PrintStream out;
    private final Json json = new Json();
    private long printed;

    private Write(Options options, Properties properties, PrintStream out) {
        this.producer = new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
        this.options = options;
        this.out = out;
    }

    /** Writes, and ends with status 1 when a record failed. */
    public static void main(String[] arguments) throws InterruptedException {
        Options options = new Options(arguments, OPTIONS, Set.of(), HELP);
        String transaction = options.choice("transaction", "none", "commit", "abort");
        Properties properties = new Properties();
        properties.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, options.required("bootstrap"));
        properties.put(ProducerConfig.COMPRESSION_TYPE_CONFIG,
                options.choice("compression", "none", "gzip", "snappy", "lz4", "zstd"));
        // The default of 5 ms makes many small batches of a test's few records.
        properties.put(ProducerConfig.LINGER_MS_CONFIG, 20);
        if (!transaction.equals("none")) {
            properties.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, "milena-write-" + options.required("topic"));
        }
        options.applySettings(properties);

        PrintStream out = Output.buffered();
        Write write = new Write(options, properties, out);
        try (write.producer) {
            if (transaction.equals("none")) {
                write.records();
            } else {
                write.producer.initTransactions();
                write.producer.beginTransaction();
                write.records();
                if (transaction.equals("commit")) {
                    write.producer.commitTransaction();
                } else {
                    write.producer.abortTransaction();
                }
            }
        } catch (RuntimeException | ExecutionException e) {
            out.flush();
            System.err.println("Write failed: " + (e instanceof ExecutionException ? e.getCause() : e));
            System.exit(1);
        }
        Output.finish(out);
    }

    private void records() throws ExecutionException, InterruptedException {
        String topic = options.required("topic");
        long count = options.number("count", 1000);
        int size = Math.toIntExact(options.number("size", 100));
        long first = options.number("timestamp", -1);
        long partition = options.number("partition", -1);

        Queue<Future<RecordMetadata>> waiting = new ArrayDeque<>();
        for (long i = 0; i < count; i++) {
            ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic,
                    partition < 0 ? null : Integer.valueOf(Math.toIntExact(partition)),
                    first < 0 ? null : Long.valueOf(first + i), key(i), value(i, size));
            headers(record, i);
            waiting.add(producer.send(record));
            if (waiting.size() > 50_000) {
                print(waiting.remove().get());
            }
        }
        producer.flush();
        while (!waiting.isEmpty()) {
            print(waiting.remove().get());
        }
    }

    private void print(RecordMetadata metadata) {
        out.print(json.begin().field("index", printed++).field("topic", metadata.topic())
                .field("partition", metadata.partition()).field("offset", metadata.offset())
                .field("timestamp", metadata.timestamp()).end());
    }

    private static byte[] key(long i) {
        return switch ((int) (i % 4)) {
            case 0 -> null;
            case 1 -> new byte[0];
            default -> utf8("key-" + i);
        };
    }

    private static byte[] value(long i, int size) {
        return switch ((int) (i % 8)) {
            case 0 -> null;
            case 1 -> new byte[0];
            case 2 -> noise(i, size);
            default -> text(i, size);
        };
    }

    private static byte[] text(long i, int size) {
        byte[] unit = utf8("value-" + i + " ");
        byte[] value = new byte[size];
        for (int at = 0; at < size; at++) {
            value[at] = unit[at % unit.length];
        }
        return value;
    }

    private static byte[] noise(long i, int size) {
        byte[] value = new byte[size];
        new java.util.SplittableRandom(i).nextBytes(value);
        return value;
    }

    private static void headers(ProducerRecord<byte[], byte[]> record, long i) {
        switch ((int) (i % 3)) {
            case 1 -> record.headers().add("h", utf8(Long.toString(i)));
            case 2 -> record.headers().add("h", utf8("first")).add("h", null).add("", new byte[0])
                    .add("ключ", utf8(Long.toString(i)));
            default -> {
            }
        }
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
