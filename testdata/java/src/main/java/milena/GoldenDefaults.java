package milena;

import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.apache.kafka.common.protocol.Message;

/** What the fields of one of Kafka's classes hold when nothing was set. Kafka's schemas do not say it. */
final class GoldenDefaults {
    private final Map<String, Object> values = new HashMap<>();
    private final Map<String, GoldenDefaults> structs = new HashMap<>();

    private GoldenDefaults() {
    }

    static GoldenDefaults of(Class<?> type) {
        GoldenDefaults defaults = new GoldenDefaults();
        Object fresh = create(type);
        for (Method method : type.getMethods()) {
            boolean getter = method.getDeclaringClass() == type && method.getParameterCount() == 0
                    && !method.getName().equals("duplicate");
            if (!getter) {
                continue;
            }
            String key = key(method.getName());
            defaults.values.put(key, call(method, fresh));
            Class<?> struct = struct(method.getGenericReturnType());
            if (struct != null) {
                defaults.structs.put(key, of(struct));
            }
        }
        return defaults;
    }

    static Object create(Class<?> type) {
        try {
            return type.getConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The field's default, by its name in a schema. */
    Object value(String field) {
        String key = key(field);
        if (!values.containsKey(key)) {
            throw new IllegalStateException("no getter for " + field);
        }
        return values.get(key);
    }

    /** Of the struct, or the array's structs, that the field holds. */
    GoldenDefaults struct(String field) {
        return structs.get(key(field));
    }

    /** Schemas have names in snake case, classes in camel case. */
    private static String key(String name) {
        return name.replace("_", "").toLowerCase(Locale.ROOT);
    }

    private static Object call(Method method, Object object) {
        try {
            return method.invoke(object);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The class of a struct, of a list of them, or of one of Kafka's collections that keep them by key. */
    private static Class<?> struct(Type type) {
        if (type instanceof ParameterizedType list) {
            return struct(list.getActualTypeArguments()[0]);
        }
        if (!(type instanceof Class<?> plain)) {
            return null;
        }
        if (Message.class.isAssignableFrom(plain)) {
            return plain;
        }
        return plain.getGenericSuperclass() instanceof ParameterizedType collection ? struct(collection) : null;
    }
}
