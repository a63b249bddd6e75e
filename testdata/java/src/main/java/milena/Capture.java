package milena;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Sends the records of a capture: BOOTSTRAP TOPIC COMPRESSION ACKS IDENTITY SPEAKS FILE...
 *
 * <p>IDENTITY is none, idempotent or transactional; SPEAKS is newest, for this client always is as new as it is. It
 * uses only what the client had in 0.11 already, so that it runs with the jar of any release since.
 */
public final class Capture {
    private Capture() {
    }

    /** Sends, and ends with status 1 when a record failed. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        String identity = arguments[4];
        Properties properties = new Properties();
        properties.put("bootstrap.servers", arguments[0]);
        properties.put("client.id", "capture");
        properties.put("compression.type", arguments[2]);
        properties.put("acks", arguments[3]);
        properties.put("enable.idempotence", Boolean.toString(!identity.equals("none")));
        // Long enough for all records to be in batches before the first of these is sent.
        properties.put("linger.ms", "1000");
        properties.put("batch.size", "65536");
        if (identity.equals("transactional")) {
            properties.put("transactional.id", "capture");
        }
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            if (identity.equals("transactional")) {
                producer.initTransactions();
            }
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (String file : Arrays.asList(arguments).subList(6, arguments.length)) {
                for (String line : Files.readAllLines(Path.of(file))) {
                    if (!line.startsWith("#")) {
                        sent.add(producer.send(record(arguments[1], line.split("\t"))));
                    }
                }
            }
            producer.flush();
            for (Future<RecordMetadata> acknowledged : sent) {
                acknowledged.get();
            }
        } catch (RuntimeException | ExecutionException e) {
            System.err.println("Capture failed: " + e);
            System.exit(1);
        }
    }

    private static ProducerRecord<byte[], byte[]> record(String topic, String[] fields) {
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, Integer.valueOf(fields[0]),
                Long.valueOf(fields[1]), content(fields[2]), content(fields[3]));
        for (int at = 4; at < fields.length; at += 2) {
            record.headers().add(new String(content(fields[at]), StandardCharsets.UTF_8), content(fields[at + 1]));
        }
        return record;
    }

    private static byte[] content(String field) {
        if (field.equals("null")) {
            return null;
        }
        int end = field.lastIndexOf('"');
        int times = end + 1 == field.length() ? 1 : Integer.parseInt(field.substring(end + 2));
        return field.substring(1, end).repeat(times).getBytes(StandardCharsets.UTF_8);
    }
}
