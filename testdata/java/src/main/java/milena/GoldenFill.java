package milena;

import java.util.Random;
import java.util.TreeMap;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.Struct;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;

/** Fills a schema in one of several ways. */
final class GoldenFill {
    /** What stands out in a message. */
    enum Kind {
        /** Two of everything, small numbers, short names, no tagged fields. */
        TYPICAL,
        /** Every field there is, none of them null or at its default. */
        FULL,
        /** Unknown tagged fields in every struct. */
        TAGS,
        /** Strings and bytes longer than a compact length of one byte. */
        TEXT,
        /** At one level, everything that may be null is. */
        NULL,
        /** At one level, everything that has a length is empty. */
        EMPTY,
        /** At one level, arrays have more elements than a compact length of one byte. */
        ARRAY,
        /** Anything. */
        RANDOM,
    }

    private final Kind kind;
    private final int level;
    private final GoldenValues values;
    private final Random random;
    /** Whether what the kind is about was there to be filled. */
    private boolean apt;

    GoldenFill(Kind kind, int level, Random random) {
        this.kind = kind;
        this.level = level;
        this.random = random;
        this.values = new GoldenValues(kind, random);
    }

    /** How deep structs stand in structs. */
    static int levels(Type type) {
        int deepest = 0;
        if (type instanceof Schema schema) {
            for (BoundField field : schema.fields()) {
                deepest = Math.max(deepest, levels(field.def.type));
            }
            return deepest + 1;
        }
        if (type instanceof TaggedFields tagged) {
            for (Field field : tagged.fields().values()) {
                deepest = Math.max(deepest, levels(field.type));
            }
            return deepest;
        }
        return type.isArray() ? levels(type.arrayElementType().orElseThrow()) : 0;
    }

    /** A whole message, or null when the schema has no place for this kind of filling. */
    Struct message(Schema schema, GoldenDefaults defaults) {
        apt = kind == Kind.TYPICAL || kind == Kind.FULL || kind == Kind.RANDOM;
        Struct struct = struct(schema, defaults, 0);
        return apt ? struct : null;
    }

    private Struct struct(Schema schema, GoldenDefaults defaults, int at) {
        Struct struct = new Struct(schema);
        for (BoundField bound : schema.fields()) {
            Object value = bound.def.type instanceof TaggedFields tagged
                    ? tagged(tagged, defaults, at)
                    : field(bound.def, defaults, at);
            struct.set(bound, value);
        }
        return struct;
    }

    private TreeMap<Integer, Object> tagged(TaggedFields fields, GoldenDefaults defaults, int at) {
        TreeMap<Integer, Object> present = new TreeMap<>();
        fields.fields().forEach((tag, field) -> {
            if (kind == Kind.RANDOM ? random.nextBoolean() : kind != Kind.TYPICAL) {
                present.put(tag, field(field, defaults, at));
            }
        });
        int unknown = 0;
        if (kind == Kind.TAGS) {
            apt = true;
            unknown = 2;
        } else if (kind == Kind.RANDOM && random.nextInt(4) == 0) {
            unknown = 1 + random.nextInt(3);
        }
        // Far above the tags that any version knows, and up to the highest that Kafka reads back.
        int tag = 100 + random.nextInt(50);
        for (int n = 0; n < unknown; n++) {
            present.put(tag, new RawTaggedField(tag, values.bytes(random.nextInt(8) == 0 ? 130 : random.nextInt(5))));
            tag += 1 + random.nextInt(random.nextInt(4) == 0 ? Integer.MAX_VALUE / 4 : 200);
        }
        return present;
    }

    private Object field(Field field, GoldenDefaults defaults, int at) {
        if (field.type.isNullable()) {
            boolean here = kind == Kind.NULL && at == level;
            apt |= here;
            if (here || kind == Kind.RANDOM && random.nextInt(4) == 0) {
                return null;
            }
        }
        if (kind == Kind.EMPTY && at == level && GoldenValues.hasLength(field.type)) {
            apt = true;
            return values.empty(field.type);
        }
        if (field.type.isArray()) {
            Type of = field.type.arrayElementType().orElseThrow();
            Object[] elements = new Object[count(of, at)];
            for (int n = 0; n < elements.length; n++) {
                // Many elements repeat the first two: they are about the count, and cost the corpus little.
                elements[n] = kind == Kind.ARRAY && n > 1 ? elements[n - 2] : value(of, null, field.name, defaults, at);
            }
            return elements;
        }
        return value(field.type, defaults.value(field.name), field.name, defaults, at);
    }

    private Object value(Type type, Object without, String name, GoldenDefaults defaults, int at) {
        if (type instanceof Schema schema) {
            return struct(schema, defaults.struct(name), at + 1);
        }
        apt |= kind == Kind.TEXT && GoldenValues.hasLength(type);
        return values.value(type, without, name);
    }

    private int count(Type of, int at) {
        return switch (kind) {
            case TYPICAL, FULL -> 2;
            case ARRAY -> {
                apt |= at == level;
                // A compact length has a second byte from 127 on.
                yield at == level ? 127 + random.nextInt(3) : at < level ? 1 : 0;
            }
            case RANDOM -> {
                boolean many = !(of instanceof Schema) && random.nextInt(32) == 0;
                yield many ? 120 + random.nextInt(20) : random.nextInt(4);
            }
            default -> 1;
        };
    }
}
