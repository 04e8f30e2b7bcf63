import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Configurable;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.storage.Converter;
import org.apache.kafka.connect.storage.HeaderConverter;
import org.apache.kafka.connect.transforms.Transformation;
import org.apache.kafka.connect.transforms.predicates.Predicate;

/**
 * Records what the classes of Apache Kafka do: reads cases without "expect", one
 * JSON object a line, and writes them with it, in the form of the fixtures of
 * converters and transforms. A case it cannot build (a value that a Struct refuses,
 * say) is left out.
 *
 * usage: java -cp JARS Recorder.java IN OUT
 */
public class Recorder {
    static final ObjectMapper JSON = new ObjectMapper().enable(com.fasterxml.jackson.databind.DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS);
    static final JsonNodeFactory F = JsonNodeFactory.withExactBigDecimals(true);

    public static void main(String[] args) throws Exception {
        java.util.TimeZone.setDefault(java.util.TimeZone.getTimeZone("UTC"));
        java.util.Locale.setDefault(java.util.Locale.US);
        int left = 0, written = 0;
        try (BufferedReader in = Files.newBufferedReader(Path.of(args[0]));
             BufferedWriter out = Files.newBufferedWriter(Path.of(args[1]))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                ObjectNode c = (ObjectNode) JSON.readTree(line);
                ObjectNode expect;
                try {
                    expect = c.has("op") ? convert(c) : transform(c);
                } catch (Unbuilt e) {
                    left++;
                    continue;
                }
                c.set("expect", expect);
                out.write(JSON.writeValueAsString(c));
                out.write('\n');
                written++;
            }
        }
        System.out.println("recorded " + written + ", left out " + left);
    }

    /** The case itself cannot be built. */
    static class Unbuilt extends RuntimeException {
        Unbuilt(Throwable cause) { super(cause); }
    }

    static ObjectNode error(String name, Throwable e) {
        ObjectNode out = F.objectNode();
        out.set(name, throwable(e));
        return out;
    }

    static ObjectNode throwable(Throwable e) {
        ObjectNode out = F.objectNode();
        out.put("class", e.getClass().getName());
        out.put("message", e.getMessage() == null ? null : e.getMessage().replaceAll("@[0-9a-f]+\\b", "@<hash>"));
        if (e.getCause() != null && e.getCause() != e) {
            out.set("cause", throwable(e.getCause()));
        }
        return out;
    }

    static Map<String, String> config(JsonNode c) {
        Map<String, String> out = new HashMap<>();
        c.path("config").fields().forEachRemaining(f -> out.put(f.getKey(), f.getValue().isNull() ? null : f.getValue().asText()));
        return out;
    }

    // Converters.

    static ObjectNode convert(ObjectNode c) throws Exception {
        Object instance = Class.forName(c.get("class").asText()).getDeclaredConstructor().newInstance();
        String role = c.get("role").asText(), topic = c.get("topic").asText();
        Map<String, String> config = config(c);
        boolean header = role.equals("header");
        try {
            if (header) {
                config.put("converter.type", "header");
                ((HeaderConverter) instance).configure(config);
            } else {
                ((Converter) instance).configure(config, role.equals("key"));
            }
        } catch (Throwable e) {
            return error("configError", e);
        }
        ObjectNode out = F.objectNode();
        if (c.get("op").asText().equals("fromConnect")) {
            Schema schema;
            Object value;
            try {
                schema = schema(c.get("schema"));
                value = value(c.get("value"), schema);
            } catch (Throwable e) {
                throw new Unbuilt(e);
            }
            byte[] got;
            try {
                got = header ? ((HeaderConverter) instance).fromConnectHeader(topic, c.get("header").asText(), schema, value)
                    : ((Converter) instance).fromConnectData(topic, schema, value);
            } catch (Throwable e) {
                return error("error", e);
            }
            out.put("bytes", got == null ? null : Base64.getEncoder().encodeToString(got));
            return out;
        }
        byte[] bytes = c.get("bytes").isNull() ? null : Base64.getDecoder().decode(c.get("bytes").asText());
        SchemaAndValue got;
        try {
            got = header ? ((HeaderConverter) instance).toConnectHeader(topic, c.get("header").asText(), bytes)
                : ((Converter) instance).toConnectData(topic, bytes);
        } catch (Throwable e) {
            return error("error", e);
        }
        if (got == null) {
            out.put("returnedNull", true);
            return out;
        }
        out.set("schema", schema(got.schema()));
        out.set("value", value(got.value(), got.schema()));
        return out;
    }

    // Transforms and predicates.

    @SuppressWarnings({"unchecked", "rawtypes"})
    static ObjectNode transform(ObjectNode c) throws Exception {
        Object instance = Class.forName(c.get("class").asText()).getDeclaredConstructor().newInstance();
        ConnectRecord input;
        try {
            input = record(c.get("input"));
        } catch (Throwable e) {
            throw new Unbuilt(e);
        }
        try {
            ((Configurable) instance).configure(config(c));
        } catch (Throwable e) {
            return error("configError", e);
        }
        ObjectNode out = F.objectNode();
        try {
            if (instance instanceof Predicate) {
                out.put("result", ((Predicate) instance).test(input));
                return out;
            }
            ConnectRecord got = ((Transformation) instance).apply(input);
            if (got == null) {
                out.put("dropped", true);
            } else {
                out.set("record", record(got));
            }
            return out;
        } catch (Throwable e) {
            return error("error", e);
        }
    }

    static ConnectRecord<?> record(JsonNode n) {
        Schema keySchema = schema(n.get("keySchema")), valueSchema = schema(n.get("valueSchema"));
        Object key = value(n.get("key"), keySchema), value = value(n.get("value"), valueSchema);
        ConnectHeaders headers = new ConnectHeaders();
        for (JsonNode h : n.path("headers")) {
            Schema s = schema(h.get("schema"));
            headers.add(h.get("key").asText(), new SchemaAndValue(s, value(h.get("value"), s)));
        }
        Integer partition = n.path("partition").isNumber() ? n.get("partition").asInt() : null;
        Long timestamp = n.path("timestamp").isNumber() ? n.get("timestamp").asLong() : null;
        String topic = n.get("topic").asText();
        if (n.get("kind").asText().equals("source")) {
            return new SourceRecord(null, null, topic, partition, keySchema, key, valueSchema, value, timestamp, headers);
        }
        return new SinkRecord(topic, partition, keySchema, key, valueSchema, value, n.get("offset").asLong(), timestamp,
            TimestampType.valueOf(n.get("timestampType").asText()), headers);
    }

    static ObjectNode record(ConnectRecord<?> r) {
        ObjectNode out = F.objectNode();
        out.put("kind", r instanceof SourceRecord ? "source" : "sink");
        out.put("topic", r.topic());
        out.put("partition", r.kafkaPartition());
        out.put("timestamp", r.timestamp());
        out.set("keySchema", schema(r.keySchema()));
        out.set("key", value(r.key(), r.keySchema()));
        out.set("valueSchema", schema(r.valueSchema()));
        out.set("value", value(r.value(), r.valueSchema()));
        ArrayNode headers = out.putArray("headers");
        for (Header h : r.headers()) {
            ObjectNode o = headers.addObject();
            o.put("key", h.key());
            o.set("schema", schema(h.schema()));
            o.set("value", value(h.value(), h.schema()));
        }
        if (r instanceof SinkRecord) {
            out.put("offset", ((SinkRecord) r).kafkaOffset());
            out.put("timestampType", ((SinkRecord) r).timestampType().name());
        }
        return out;
    }

    // Schemas.

    static Schema schema(JsonNode n) {
        if (n == null || n.isNull()) {
            return null;
        }
        Schema.Type type = Schema.Type.valueOf(n.get("type").asText().toUpperCase(java.util.Locale.ROOT));
        SchemaBuilder b = switch (type) {
            case ARRAY -> SchemaBuilder.array(schema(n.get("valueSchema")));
            case MAP -> SchemaBuilder.map(schema(n.get("keySchema")), schema(n.get("valueSchema")));
            default -> new SchemaBuilder(type);
        };
        if (n.path("optional").asBoolean()) {
            b.optional();
        }
        if (n.has("name")) {
            b.name(n.get("name").asText());
        }
        if (n.has("version")) {
            b.version(n.get("version").asInt());
        }
        if (n.has("doc")) {
            b.doc(n.get("doc").asText());
        }
        n.path("parameters").fields().forEachRemaining(p -> b.parameter(p.getKey(), p.getValue().asText()));
        for (JsonNode f : n.path("fields")) {
            b.field(f.get("name").asText(), schema(f.get("schema")));
        }
        if (n.has("default")) {
            b.defaultValue(value(n.get("default"), b));
        }
        return b.build();
    }

    static JsonNode schema(Schema s) {
        if (s == null) {
            return F.nullNode();
        }
        ObjectNode out = F.objectNode();
        out.put("type", s.type().getName());
        out.put("optional", s.isOptional());
        if (s.name() != null) {
            out.put("name", s.name());
        }
        if (s.version() != null) {
            out.put("version", s.version());
        }
        if (s.doc() != null) {
            out.put("doc", s.doc());
        }
        if (s.parameters() != null && !s.parameters().isEmpty()) {
            ObjectNode ps = out.putObject("parameters");
            s.parameters().forEach(ps::put);
        }
        if (s.type() == Schema.Type.MAP) {
            out.set("keySchema", schema(s.keySchema()));
        }
        if (s.type() == Schema.Type.MAP || s.type() == Schema.Type.ARRAY) {
            out.set("valueSchema", schema(s.valueSchema()));
        }
        if (s.type() == Schema.Type.STRUCT) {
            ArrayNode fields = out.putArray("fields");
            for (Field f : s.fields()) {
                ObjectNode o = fields.addObject();
                o.put("name", f.name());
                o.set("schema", schema(f.schema()));
            }
        }
        if (s.defaultValue() != null) {
            out.set("default", value(s.defaultValue(), s));
        }
        return out;
    }

    // Values.

    static double real(JsonNode n) {
        return n.isTextual() ? Double.parseDouble(n.asText()) : n.decimalValue().doubleValue();
    }

    static Object value(JsonNode n, Schema place) {
        if (n == null || n.isNull()) {
            return null;
        }
        if (n.has("struct")) {
            Schema s = n.has("schema") ? schema(n.get("schema")) : place instanceof SchemaBuilder ? ((SchemaBuilder) place).build() : place;
            Struct out = new Struct(s);
            n.get("struct").fields().forEachRemaining(f -> out.put(f.getKey(), value(f.getValue(), s.field(f.getKey()).schema())));
            return out;
        }
        Map.Entry<String, JsonNode> e = n.fields().next();
        JsonNode v = e.getValue();
        switch (e.getKey()) {
            case "int8": return (byte) v.asInt();
            case "int16": return (short) v.asInt();
            case "int32": return v.asInt();
            case "int64": return v.isTextual() ? Long.parseLong(v.asText()) : v.asLong();
            case "float32": return v.isTextual() ? Float.parseFloat(v.asText()) : v.decimalValue().floatValue();
            case "float64": return real(v);
            case "boolean": return v.asBoolean();
            case "string": return v.asText();
            case "bytes": return Base64.getDecoder().decode(v.asText());
            case "bytebuffer": return ByteBuffer.wrap(Base64.getDecoder().decode(v.asText()));
            case "decimal": return new BigDecimal(new BigInteger(v.get("unscaled").asText()), v.get("scale").asInt());
            case "bigint": return new BigInteger(v.asText());
            case "date": return new Date(v.asLong());
            case "list": {
                Schema item = place != null && place.type() == Schema.Type.ARRAY ? place.valueSchema() : null;
                List<Object> out = new ArrayList<>();
                for (JsonNode i : v) {
                    out.add(value(i, item));
                }
                return out;
            }
            case "map": {
                boolean typed = place != null && place.type() == Schema.Type.MAP;
                Map<Object, Object> out = new LinkedHashMap<>();
                for (JsonNode pair : v) {
                    out.put(value(pair.get(0), typed ? place.keySchema() : null), value(pair.get(1), typed ? place.valueSchema() : null));
                }
                return out;
            }
            default: throw new IllegalArgumentException("tag " + e.getKey());
        }
    }

    static JsonNode real(double d, BigDecimal exact) {
        if (Double.isNaN(d)) {
            return F.textNode("NaN");
        }
        if (Double.isInfinite(d)) {
            return F.textNode(d > 0 ? "Infinity" : "-Infinity");
        }
        if (d == 0 && 1 / d < 0) {
            return F.textNode("-0.0");
        }
        return F.numberNode(exact);
    }

    static JsonNode value(Object v, Schema place) {
        if (v == null) {
            return F.nullNode();
        }
        ObjectNode out = F.objectNode();
        if (v instanceof Byte) {
            out.put("int8", (Byte) v);
        } else if (v instanceof Short) {
            out.put("int16", (Short) v);
        } else if (v instanceof Integer) {
            out.put("int32", (Integer) v);
        } else if (v instanceof Long) {
            long l = (Long) v;
            if (l > 1L << 53 || l < -(1L << 53)) {
                out.put("int64", Long.toString(l));
            } else {
                out.put("int64", l);
            }
        } else if (v instanceof Float) {
            float f = (Float) v;
            out.set("float32", real(f, Float.isFinite(f) ? new BigDecimal(Float.toString(f)) : null));
        } else if (v instanceof Double) {
            double d = (Double) v;
            out.set("float64", real(d, Double.isFinite(d) ? new BigDecimal(Double.toString(d)) : null));
        } else if (v instanceof Boolean) {
            out.put("boolean", (Boolean) v);
        } else if (v instanceof String) {
            out.put("string", (String) v);
        } else if (v instanceof byte[]) {
            out.put("bytes", Base64.getEncoder().encodeToString((byte[]) v));
        } else if (v instanceof ByteBuffer) {
            ByteBuffer b = ((ByteBuffer) v).duplicate();
            byte[] bytes = new byte[b.remaining()];
            b.get(bytes);
            out.put("bytebuffer", Base64.getEncoder().encodeToString(bytes));
        } else if (v instanceof BigDecimal) {
            ObjectNode d = out.putObject("decimal");
            d.put("unscaled", ((BigDecimal) v).unscaledValue().toString());
            d.put("scale", ((BigDecimal) v).scale());
        } else if (v instanceof BigInteger) {
            out.put("bigint", v.toString());
        } else if (v instanceof Date) {
            out.put("date", ((Date) v).getTime());
        } else if (v instanceof List) {
            Schema item = place != null && place.type() == Schema.Type.ARRAY ? place.valueSchema() : null;
            ArrayNode a = out.putArray("list");
            for (Object i : (List<?>) v) {
                a.add(value(i, item));
            }
        } else if (v instanceof Map) {
            boolean typed = place != null && place.type() == Schema.Type.MAP;
            ArrayNode a = out.putArray("map");
            for (Map.Entry<?, ?> e : ((Map<?, ?>) v).entrySet()) {
                a.addArray().add(value(e.getKey(), typed ? place.keySchema() : null)).add(value(e.getValue(), typed ? place.valueSchema() : null));
            }
        } else if (v instanceof Struct) {
            Struct s = (Struct) v;
            ObjectNode fields = out.putObject("struct");
            for (Field f : s.schema().fields()) {
                fields.set(f.name(), value(s.getWithoutDefault(f.name()), f.schema()));
            }
            if (place == null || !place.equals(s.schema())) {
                out.set("schema", schema(s.schema()));
            }
        } else {
            throw new IllegalStateException("a value of " + v.getClass());
        }
        return out;
    }
}
