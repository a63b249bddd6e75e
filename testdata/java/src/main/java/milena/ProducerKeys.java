package milena;

import java.io.IOException;
import java.io.PrintStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** What Java makes of properties, and Kafka's producer of those. {@link #HELP} says what it prints. */
public final class ProducerKeys {
    private static final String HELP = """
            milena.ProducerKeys [--texts FILE]

            Prints `key NAME DEFAULT` for each key of Kafka's producer; the default is in hexadecimal, and - if there is none.
            Then reads the file: a text in hexadecimal on each line, which are properties. For each it prints `entry KEY VALUE`,
            in hexadecimal and in order, and then a line of one word: `malformed`, `refused` or `accepted`.
            """;

    private ProducerKeys() {
    }

    /** Prints what was asked for. */
    public static void main(String[] arguments) throws Exception {
        Options options = new Options(arguments, Set.of("texts"), Set.of(), HELP);
        PrintStream out = Output.buffered();
        for (ConfigDef.ConfigKey key : ProducerConfig.configDef().configKeys().values()) {
            out.println("key " + key.name + " " + text(key));
        }
        String file = options.text("texts", null);
        if (file != null) {
            for (String line : Files.readAllLines(Path.of(file))) {
                judge(new String(HexFormat.of().parseHex(line), StandardCharsets.UTF_8), out);
            }
        }
        Output.finish(out);
    }

    private static String text(ConfigDef.ConfigKey key) {
        Object value = key.defaultValue;
        if (value == null || value == ConfigDef.NO_DEFAULT_VALUE) {
            return "-";
        }
        if (value instanceof List<?> list) {
            return hex(String.join(",", list.stream().map(Object::toString).toList()));
        }
        return hex(value instanceof Class<?> type ? type.getName() : value.toString());
    }

    private static void judge(String text, PrintStream out) throws IOException {
        Properties properties = new Properties();
        try {
            properties.load(new StringReader(text));
        } catch (IllegalArgumentException malformed) {
            out.println("malformed");
            return;
        }
        for (String key : new TreeSet<>(properties.stringPropertyNames())) {
            out.println("entry " + hex(key) + " " + hex(properties.getProperty(key)));
        }
        Map<String, Object> settings = new HashMap<>();
        settings.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
        settings.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
        properties.stringPropertyNames().forEach(key -> settings.put(key, properties.getProperty(key)));
        try {
            new ProducerConfig(settings);
            out.println("accepted");
        } catch (ConfigException refused) {
            out.println("refused");
        }
    }

    private static String hex(String text) {
        return HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_8));
    }
}
