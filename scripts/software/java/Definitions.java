import java.lang.reflect.AccessibleObject;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.TreeMap;

import org.apache.kafka.common.config.ConfigDef;

/**
 * Kafka's own definitions of its settings, as one JSON object on standard output.
 *
 * <pre>java -cp 'libs/*' Definitions.java</pre>
 *
 * The object has the kinds of settings, a kind its names, and a name what Kafka says of it: "type";
 * "default", as a properties file has it; what its validator accepts, as "least" and "most", "among"
 * or "filled", or, where it says that in words only, as "rule". Validators keep the rest to
 * themselves, so it is read by reflection.
 */
class Definitions {
    private static final String CONNECTORS =
        "org.apache.kafka.connect.runtime.SourceConnectorConfig";
    /** Each kind, a class that defines some, and the field or method that has the definitions. */
    private static final String[][] KINDS = {
        {"brokers", "org.apache.kafka.server.config.AbstractKafkaConfig", "CONFIG_DEF"},
        {"brokers", "kafka.server.KafkaConfig$", "configDef"}, // up to 3.8
        {"topics", "org.apache.kafka.storage.internals.log.LogConfig", "configDefCopy"},
        {"workers", "org.apache.kafka.connect.runtime.distributed.DistributedConfig", "config"},
        {"producers", "org.apache.kafka.clients.producer.ProducerConfig", "CONFIG"},
        {"consumers", "org.apache.kafka.clients.consumer.ConsumerConfig", "CONFIG"},
        {"admins", "org.apache.kafka.clients.admin.AdminClientConfig", "CONFIG"},
        {"sources", "org.apache.kafka.connect.mirror.MirrorSourceConfig", "CONNECTOR_CONFIG_DEF"},
        {"checkpoints", "org.apache.kafka.connect.mirror.MirrorCheckpointConfig",
            "CONNECTOR_CONFIG_DEF"},
        {"heartbeats", "org.apache.kafka.connect.mirror.MirrorHeartbeatConfig",
            "CONNECTOR_CONFIG_DEF"},
        // What a worker itself reads of the connectors that bring something in.
        {"sources", CONNECTORS, "configDef"},
        {"checkpoints", CONNECTORS, "configDef"},
        {"heartbeats", CONNECTORS, "configDef"},
    };
    /** Plug-ins in Kafka's own jars that read further settings of brokers, and their constants. */
    private static final String[][] PLUGINS = {
        {"kafka.security.authorizer.AclAuthorizer$", ".*Prop"},
        {"org.apache.kafka.metadata.authorizer.StandardAuthorizer", ".*_CONFIG"},
        {"org.apache.kafka.common.metrics.JmxReporter", "(IN|EX)CLUDE_CONFIG(_ALIAS)?"},
    };

    public static void main(String[] arguments) throws Exception {
        Map<String, Map<String, String>> kinds = new TreeMap<>();
        for (String[] kind : KINDS) {
            Map<String, String> found = kinds.computeIfAbsent(kind[0], name -> new TreeMap<>());
            Class<?> type = named(kind[1]);
            // A definition has its place in each release, and some have moved since.
            ConfigDef definition = type == null ? null : (ConfigDef) held(type, kind[2]);
            if (definition == null) {
                continue;
            }
            definition.configKeys().forEach((name, key) -> found.putIfAbsent(name, described(key)));
        }
        kinds.forEach((kind, found) -> {
            if (found.isEmpty()) {
                throw new IllegalStateException("Kafka defines no " + kind + " any more");
            }
        });
        for (String[] plugin : PLUGINS) {
            Class<?> type = named(plugin[0]);
            if (type == null) {
                continue;
            }
            for (String name : constants(type, plugin[1])) {
                kinds.get("brokers").putIfAbsent(name, "{\"type\": \"string\"}");
            }
        }
        StringJoiner out = new StringJoiner(",\n", "{", "}");
        kinds.forEach((kind, settings) -> {
            StringJoiner lines = new StringJoiner(",\n", "{\n", "}");
            settings.forEach((name, text) -> lines.add(quoted(name) + ": " + text));
            out.add(quoted(kind) + ": " + lines);
        });
        System.out.println(out);
    }

    private static String described(ConfigDef.ConfigKey key) {
        StringJoiner parts = new StringJoiner(", ", "{", "}");
        parts.add("\"type\": " + quoted(key.type.name().toLowerCase()));
        if (key.hasDefault() && key.defaultValue != null) {
            parts.add("\"default\": " + quoted(ConfigDef.convertToString(key.defaultValue, key.type)));
        }
        for (ConfigDef.Validator one : validators(key.validator)) {
            String kind = one.getClass().getSimpleName();
            switch (kind) {
                case "NonNullValidator": // what a properties file has is never null
                    break;
                case "Range":
                    number(parts, "least", member(one, "min"));
                    number(parts, "most", member(one, "max"));
                    break;
                case "NonEmptyString":
                    parts.add("\"filled\": true");
                    break;
                case "ValidString":
                    parts.add("\"among\": " + list((Collection<?>) member(one, "validStrings")));
                    break;
                case "ValidList":
                    Object inner = member(one, "validString");
                    parts.add("\"among\": " + list((Collection<?>) member(inner, "validStrings")));
                    break;
                case "CaseInsensitiveValidString":
                    parts.add("\"any_case\": true");
                    parts.add("\"among\": " + list((Collection<?>) member(one, "validStrings")));
                    break;
                default:
                    String rule = one.toString();
                    // A validator without words of its own shows as its address in memory.
                    if (!rule.contains(one.getClass().getName())) {
                        parts.add("\"rule\": " + quoted(rule));
                    }
            }
        }
        return parts.toString();
    }

    /** A validator's parts, where it is made of several. */
    private static List<ConfigDef.Validator> validators(ConfigDef.Validator validator) {
        List<ConfigDef.Validator> found = new ArrayList<>();
        if (validator instanceof ConfigDef.CompositeValidator) {
            for (Object one : (Collection<?>) member(validator, "validators")) {
                found.addAll(validators((ConfigDef.Validator) one));
            }
        } else if (validator != null) {
            found.add(validator);
        }
        return found;
    }

    private static void number(StringJoiner parts, String name, Object value) {
        if (value != null) {
            parts.add(quoted(name) + ": " + value);
        }
    }

    /** A class, or null where this release has none of the name. */
    private static Class<?> named(String name) {
        try {
            return Class.forName(name);
        } catch (ClassNotFoundException error) {
            return null;
        }
    }

    /** What a class, or a Scala object, has under a name; null where it has none. */
    private static Object held(Class<?> type, String name) throws Exception {
        if (!type.getName().endsWith("$")) {
            return member(type, name);
        }
        for (Field field : type.getDeclaredFields()) {
            if (field.getName().equals(name)) {
                return opened(field).get(type.getDeclaredField("MODULE$").get(null));
            }
        }
        return null;
    }

    /** What a class or an object has under a name, also a private one or what a method returns. */
    private static Object member(Object owner, String name) {
        Class<?> type = owner instanceof Class<?> ? (Class<?>) owner : owner.getClass();
        Object target = owner instanceof Class<?> ? null : owner;
        try {
            for (Field field : type.getDeclaredFields()) {
                if (field.getName().equals(name)) {
                    return opened(field).get(target);
                }
            }
            Method[] methods = type.getDeclaredMethods();
            // Of several, the one that needs least.
            Arrays.sort(methods, Comparator.comparingInt(Method::getParameterCount));
            for (Method method : methods) {
                if (method.getName().equals(name)) {
                    Object[] arguments = method.getParameterCount() == 0 ? new Object[0]
                        : new Object[] {member(method.getParameterTypes()[0], "SYSTEM")};
                    return opened(method).invoke(target, arguments);
                }
            }
        } catch (ReflectiveOperationException error) {
            throw new IllegalStateException(type.getName() + "." + name, error);
        }
        throw new IllegalStateException("Kafka has no " + type.getName() + "." + name + " any more");
    }

    /** The strings that a class, or a Scala object, calls by names that fit. */
    private static List<String> constants(Class<?> type, String pattern) throws Exception {
        List<String> found = new ArrayList<>();
        for (Field field : type.getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers()) && field.getName().matches(pattern)) {
                found.add((String) opened(field).get(null));
            }
        }
        for (Method method : type.getDeclaredMethods()) {
            if (method.getName().matches(pattern) && method.getReturnType() == String.class) {
                Object object = type.getDeclaredField("MODULE$").get(null);
                found.add((String) opened(method).invoke(object));
            }
        }
        if (found.isEmpty()) {
            throw new IllegalStateException(type.getName() + " has no settings any more");
        }
        return found;
    }

    private static <T extends AccessibleObject> T opened(T member) {
        member.setAccessible(true);
        return member;
    }

    private static String list(Collection<?> values) {
        StringJoiner joined = new StringJoiner(", ", "[", "]");
        values.stream().map(value -> quoted(String.valueOf(value))).forEach(joined::add);
        return joined.toString();
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char one : text.toCharArray()) {
            if (one == '"' || one == '\\') {
                out.append('\\').append(one);
            } else if (one < ' ') {
                out.append(String.format("\\u%04x", (int) one));
            } else {
                out.append(one);
            }
        }
        return out.append('"').toString();
    }
}
