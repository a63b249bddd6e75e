package milena;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Goes through transactions of every kind with Apache's own producer. */
public final class Transact {
    private static final String HELP = """
            milena.Transact --bootstrap HOST:PORT[,...] --topic TOPIC --group GROUP [options]

              --rounds N                default 10
              --set KEY=VALUE           a setting of the producers; repeatable

            Each round has a producer of its own, all with the same transactional id, and four transactions: one that
            is committed, one that is aborted, another that is committed, and one that is left open, so that the next
            round's producer aborts it and fences this one. In each, a record goes to every partition of the topic, and
            the offset ROUND * 10 + TRANSACTION of GROUP in partition 0; transactions count from 0. The value of a
            record tells what becomes of it: "committed R.T" or "aborted R.T".
            Prints, after each transaction that ends, what the group has committed, and after the last round "done":
              {"round":0,"transaction":0,"committed":0}
            """;
    private static final Set<String> OPTIONS = Set.of("bootstrap", "topic", "group", "rounds");
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final int LEFT_OPEN = 3;

    private final Options options;
    private final String topic;
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final PrintStream out;
    private final Json json = new Json();

    private Transact(Options options, PrintStream out) {
        this.options = options;
        this.topic = options.required("topic");
        Properties properties = new Properties();
        properties.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, options.required("bootstrap"));
        properties.put(ConsumerConfig.GROUP_ID_CONFIG, options.required("group"));
        properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        this.consumer = new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        this.out = out;
    }

    /** Goes through all rounds, and ends with status 1 when something is not as it should be. */
    public static void main(String[] arguments) throws InterruptedException {
        Options options = new Options(arguments, OPTIONS, Set.of(), HELP);
        PrintStream out = Output.buffered();
        Transact transact = new Transact(options, out);
        try (transact.consumer) {
            transact.rounds(options.number("rounds", 10));
            out.println("done");
        } catch (RuntimeException | ExecutionException e) {
            out.flush();
            System.err.println("Transact failed: " + (e instanceof ExecutionException ? e.getCause() : e));
            System.exit(1);
        }
        Output.finish(out);
    }

    private void rounds(long rounds) throws ExecutionException, InterruptedException {
        KafkaProducer<byte[], byte[]> former = null;
        for (long round = 0; round < rounds; round++) {
            KafkaProducer<byte[], byte[]> producer = producer();
            producer.initTransactions();
            if (former != null) {
                expectFenced(former);
            }
            for (int transaction = 0; transaction < LEFT_OPEN; transaction++) {
                boolean isCommitted = transaction != 1;
                write(producer, (isCommitted ? "committed " : "aborted ") + round + "." + transaction,
                        round * 10 + transaction);
                if (isCommitted) {
                    producer.commitTransaction();
                } else {
                    producer.abortTransaction();
                }
                out.print(json.begin().field("round", round).field("transaction", transaction)
                        .field("committed", committed()).end());
            }
            write(producer, "aborted " + round + "." + LEFT_OPEN, round * 10 + LEFT_OPEN);
            former = producer;
        }
        KafkaProducer<byte[], byte[]> last = producer();
        last.initTransactions();
        expectFenced(former);
        last.close();
    }

    private KafkaProducer<byte[], byte[]> producer() {
        Properties properties = new Properties();
        properties.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, options.required("bootstrap"));
        properties.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, "milena-transact-" + topic);
        options.applySettings(properties);
        return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private void write(KafkaProducer<byte[], byte[]> producer, String value, long offset)
            throws ExecutionException, InterruptedException {
        producer.beginTransaction();
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        int partitions = producer.partitionsFor(topic).size();
        for (int partition = 0; partition < partitions; partition++) {
            producer.send(new ProducerRecord<>(topic, partition, null, bytes));
        }
        // What an abort finds unsent is never written.
        producer.flush();
        producer.sendOffsetsToTransaction(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(offset)),
                consumer.groupMetadata());
    }

    private long committed() {
        TopicPartition partition = new TopicPartition(topic, 0);
        return consumer.committed(Set.of(partition), PATIENCE).get(partition).offset();
    }

    private static void expectFenced(KafkaProducer<byte[], byte[]> former) {
        try {
            former.commitTransaction();
        } catch (ProducerFencedException e) {
            former.close(Duration.ZERO);
            return;
        }
        throw new IllegalStateException("a producer committed that should have been fenced");
    }
}
