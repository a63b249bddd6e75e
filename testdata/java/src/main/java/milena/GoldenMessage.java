package milena;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.Struct;
import org.apache.kafka.common.utils.Utils;

/** A request or a response: Kafka's class for it, its schemas, and its JSON form. */
final class GoldenMessage {
    // With its own writer of floating-point numbers; that of Java is not the same in all releases.
    private static final ObjectMapper MAPPER =
            new ObjectMapper(JsonFactory.builder().enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER).build());

    private final Class<? extends ApiMessage> type;
    private final Schema[] schemas;
    private final GoldenDefaults defaults;
    private final Method json;

    GoldenMessage(ApiMessage message, Schema[] schemas) {
        this.type = message.getClass();
        this.schemas = schemas;
        this.defaults = GoldenDefaults.of(type);
        try {
            this.json = Class.forName(type.getName() + "JsonConverter")
                    .getMethod("write", type, short.class, boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    String name() {
        return type.getSimpleName().replaceAll("Data$", "");
    }

    /** How deep structs stand in structs. */
    int levels(short version) {
        return GoldenFill.levels(schemas[version]);
    }

    /** The message as it is when nothing was set. */
    byte[] defaults(short version) {
        return write(empty(), version);
    }

    /** A message of the schema's making, or null when the version has no place for this kind of filling. */
    byte[] filled(short version, GoldenFill fill) {
        Schema schema = schemas[version];
        Struct struct = fill.message(schema, defaults);
        if (struct == null) {
            return null;
        }
        ByteBuffer buffer = ByteBuffer.allocate(schema.sizeOf(struct));
        schema.write(buffer, struct);
        return buffer.array();
    }

    /** Has Kafka's class read the bytes, all of them. */
    ApiMessage read(short version, byte[] bytes) {
        ApiMessage message = empty();
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        message.read(new ByteBufferAccessor(buffer), version);
        if (buffer.hasRemaining()) {
            throw new IllegalStateException(buffer.remaining() + " bytes left over");
        }
        return message;
    }

    static byte[] write(ApiMessage message, short version) {
        return Utils.toArray(MessageUtil.toByteBufferAccessor(message, version).buffer());
    }

    /** Kafka's JSON form, with record sets by their size. */
    String json(ApiMessage message, short version) {
        try {
            return MAPPER.writeValueAsString((JsonNode) json.invoke(null, message, version, false));
        } catch (InvocationTargetException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e);
        } catch (IllegalAccessException | JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    private ApiMessage empty() {
        return (ApiMessage) GoldenDefaults.create(type);
    }
}
