package milena;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Set;
import java.util.zip.GZIPOutputStream;
import org.apache.kafka.common.utils.Utils;

/** Writes record sets with Apache's own classes, and says what these read out of them. */
public final class GoldenBatches {
    private static final String HELP = """
            milena.GoldenBatches --out FILE [--seed N [--cases N] | --read FILE]

            Writes the cases of the committed corpus to FILE, compressed if its name ends in .gz; with --seed other
            ones, which nobody has seen: 300, or as many as --cases says. With --read it writes no record sets but
            reads those of a file: on each line a name, a space, and the bytes in hexadecimal.

            For each record set, FILE has a line with what Apache's reader reads out of it:
              {"case":NAME,"built":1,"set":HEX,"batches":[BATCH,...]}
            built is 1 if each batch is of format 2 and is one that a producer can make: offsets that count from the
            base offset and no control records. With --read there are neither built nor set; what cannot be read has
            "error" instead of batches. A batch is
              {"magic":2,"size":BYTES,"crc":N,"codec":"none","timestampType":"CreateTime","maxTimestamp":MS,
               "lastOffset":N,"nextOffset":N,"records":[RECORD,...]}
            and one of format 2 has, in front of its records,
              "baseOffset","baseTimestamp","leaderEpoch","producerId","producerEpoch","baseSequence","lastSequence",
              "count","transactional","control","deleteHorizon"
            where the two flags are 0 or 1, and deleteHorizon is null or ms. A record is
              [OFFSET,TIMESTAMP,KEY,VALUE,[[HEADER KEY,HEADER VALUE],...]]
            and a control record has behind that [TYPE], or [TYPE,COORDINATOR EPOCH] at the end of a transaction.
            Keys and values are null, hexadecimal up to 64 bytes, else [LENGTH,CRC-32C].
            """;
    private static final Set<String> OPTIONS = Set.of("out", "seed", "cases", "read");

    private GoldenBatches() {
    }

    /** Takes the record sets, one after another. */
    interface Sink {
        void add(String name, boolean built, ByteBuffer set) throws IOException;
    }

    /** Writes the file. Ends with status 1 when it could not. */
    public static void main(String[] arguments) throws IOException {
        Options options = new Options(arguments, OPTIONS, Set.of(), HELP);
        Path file = Path.of(options.required("out"));
        try (PrintStream out = open(file)) {
            if (!options.text("read", "").isEmpty()) {
                read(Path.of(options.required("read")), out);
            } else {
                Sink sink = (name, built, set) -> out.print(line(name, built, set));
                if (options.text("seed", "").isEmpty()) {
                    BatchCases.write(sink);
                } else {
                    RandomBatches.write(sink, options.number("seed", 0), options.number("cases", 300));
                }
            }
            Output.finish(out);
        }
    }

    private static PrintStream open(Path file) throws IOException {
        OutputStream raw = Files.newOutputStream(file);
        OutputStream out = file.toString().endsWith(".gz") ? new GZIPOutputStream(raw, 1 << 16) {
            {
                def.setLevel(9);
            }
        } : raw;
        return new PrintStream(new BufferedOutputStream(out, 1 << 18), false, StandardCharsets.UTF_8);
    }

    private static String line(String name, boolean built, ByteBuffer set) {
        Json json = new Json().begin().field("case", name).field("built", built ? 1 : 0)
                .field("set", HexFormat.of().formatHex(Utils.toArray(set.duplicate())));
        new Describe(json).batches(set);
        return json.end();
    }

    private static void read(Path file, PrintStream out) throws IOException {
        for (String line : Files.readAllLines(file)) {
            String[] words = line.split(" ");
            String name = words[0];
            byte[] set = words.length < 2 ? new byte[0] : HexFormat.of().parseHex(words[1]);
            Json json = new Json().begin().field("case", name);
            try {
                new Describe(json).batches(ByteBuffer.wrap(set));
            } catch (RuntimeException e) {
                json = new Json().begin().field("case", name).field("error", e.toString());
            }
            out.print(json.end());
        }
    }
}
