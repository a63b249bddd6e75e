package milena;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Standard output with a large buffer: the programs print hundreds of thousands of lines. */
final class Output {
    private Output() {
    }

    static PrintStream buffered() {
        FileOutputStream raw = new FileOutputStream(FileDescriptor.out);
        return new PrintStream(new BufferedOutputStream(raw, 1 << 18), false, StandardCharsets.UTF_8);
    }

    /** Writes what is left; lines that nobody received are a failure. */
    static void finish(PrintStream out) {
        if (out.checkError()) {
            System.err.println("standard output was closed");
            System.exit(1);
        }
    }
}
