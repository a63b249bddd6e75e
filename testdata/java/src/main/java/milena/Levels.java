package milena;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.common.compress.Compression;

/** Every codec at every level, by the names that Milena gives them. */
final class Levels {
    /** Of zstd's 131,072 levels below 0, some. */
    private static final int[] ZSTD_BELOW_ZERO = {-131_072, -1000, -50, -7, -2, -1};

    private Levels() {
    }

    static Map<String, Compression> all() {
        Map<String, Compression> all = new LinkedHashMap<>();
        all.put("none", Compression.NONE);
        all.put("snappy", Compression.snappy().build());
        all.put("gzip:-1", Compression.gzip().level(-1).build());
        for (int level = 1; level <= 9; level++) {
            all.put("gzip:" + level, Compression.gzip().level(level).build());
        }
        for (int level = 1; level <= 17; level++) {
            all.put("lz4:" + level, Compression.lz4().level(level).build());
        }
        for (int level : ZSTD_BELOW_ZERO) {
            all.put("zstd:" + level, Compression.zstd().level(level).build());
        }
        for (int level = 1; level <= 22; level++) {
            all.put("zstd:" + level, Compression.zstd().level(level).build());
        }
        return all;
    }
}
