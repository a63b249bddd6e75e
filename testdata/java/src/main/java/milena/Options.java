package milena;

import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.Set;

/** Options of the form {@code --name value} and flags of the form {@code --name}, checked against what a program knows. */
final class Options {
    private final Map<String, String> values = new HashMap<>();
    private final Properties settings = new Properties();

    /** Reads the arguments, or ends the program: after {@code --help} with the text, on a mistake with status 2. */
    Options(String[] arguments, Set<String> names, Set<String> flags, String help) {
        for (int i = 0; i < arguments.length; i++) {
            String name = arguments[i].startsWith("--") ? arguments[i].substring(2) : "";
            if (name.equals("help")) {
                System.out.print(help);
                System.exit(0);
            } else if (flags.contains(name)) {
                values.put(name, "true");
            } else if (name.equals("set") && i + 1 < arguments.length && arguments[i + 1].indexOf('=') > 0) {
                String[] setting = arguments[++i].split("=", 2);
                settings.put(setting[0], setting[1]);
            } else if (names.contains(name) && i + 1 < arguments.length) {
                values.put(name, arguments[++i]);
            } else {
                throw wrong("unknown or incomplete option: " + arguments[i]);
            }
        }
    }

    String required(String name) {
        String value = values.get(name);
        if (value == null) {
            throw wrong("--" + name + " is missing");
        }
        return value;
    }

    String text(String name, String otherwise) {
        return values.getOrDefault(name, otherwise);
    }

    long number(String name, long otherwise) {
        try {
            return values.containsKey(name) ? Long.parseLong(values.get(name)) : otherwise;
        } catch (NumberFormatException e) {
            throw wrong("--" + name + " takes a number, not " + values.get(name));
        }
    }

    boolean flag(String name) {
        return values.containsKey(name);
    }

    /** One of a few words. */
    String choice(String name, String... words) {
        String value = text(name, words[0]);
        if (!Set.of(words).contains(value)) {
            throw wrong("--" + name + " is one of " + String.join(", ", words) + ", not " + value);
        }
        return value;
    }

    /** What was given with {@code --set key=value}, over the program's own settings. */
    void applySettings(Properties properties) {
        properties.putAll(settings);
    }

    static IllegalStateException wrong(String message) {
        System.err.println(message);
        System.exit(2);
        return new IllegalStateException(message);
    }
}
