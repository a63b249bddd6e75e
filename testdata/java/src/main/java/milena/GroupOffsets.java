package milena;

import java.io.PrintStream;
import java.util.Comparator;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** What a consumer group has committed, as Apache's own client sees it. {@link #HELP} says what it prints. */
public final class GroupOffsets {
    private static final String HELP = """
            milena.GroupOffsets --bootstrap HOST:PORT[,...] --group GROUP

            Prints TOPIC PARTITION OFFSET METADATA for each offset that the group has committed, in order.
            """;

    private GroupOffsets() {
    }

    /** Prints what was asked for. */
    public static void main(String[] arguments) throws Exception {
        Options options = new Options(arguments, Set.of("bootstrap", "group"), Set.of(), HELP);
        Properties properties = new Properties();
        properties.put(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, options.required("bootstrap"));
        String group = options.required("group");
        PrintStream out = Output.buffered();
        try (Admin admin = Admin.create(properties)) {
            Map<TopicPartition, OffsetAndMetadata> offsets =
                    admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
            Comparator<TopicPartition> order =
                    Comparator.comparing(TopicPartition::topic).thenComparing(TopicPartition::partition);
            for (TopicPartition partition : offsets.keySet().stream().sorted(order).toList()) {
                OffsetAndMetadata offset = offsets.get(partition);
                out.println(partition.topic() + " " + partition.partition() + " " + offset.offset() + " "
                        + offset.metadata());
            }
        }
        Output.finish(out);
    }
}
