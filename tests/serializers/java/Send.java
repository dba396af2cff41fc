import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.util.JsonFormat;
import io.apicurio.registry.serde.SerdeConfig;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import io.apicurio.registry.serde.jsonschema.JsonSchemaKafkaSerializer;
import io.apicurio.registry.serde.protobuf.ProtobufKafkaSerializer;
import io.apicurio.registry.utils.protobuf.schema.FileDescriptorUtils;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serializer;

/** Sends the records of a job with Apicurio's serializers. tests/serializers/README.md describes the arguments. */
public final class Send {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** What makes a format's own record of one in the job. */
    private interface Conversion {
        Object of(JsonNode value, int version);
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (int at = 0; at + 1 < arguments.length; at += 2) {
            options.put(arguments[at].substring(2), arguments[at + 1]);
        }
        JsonNode job = JSON.readTree(new File(options.get("job")));
        Set<String> errors = new ConcurrentSkipListSet<>();
        AtomicLong acked = new AtomicLong();
        List<byte[]> values = encoded(options, job);
        Properties settings = new Properties();
        settings.put("bootstrap.servers", options.get("brokers"));
        ByteArraySerializer bytes = new ByteArraySerializer();
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings, bytes, bytes)) {
            for (byte[] value : values) {
                producer.send(new ProducerRecord<>(options.get("topic"), 0, null, value), (metadata, error) -> {
                    if (error == null) {
                        acked.incrementAndGet();
                    } else {
                        errors.add(error.toString());
                    }
                });
            }
        }
        ObjectNode told = JSON.createObjectNode();
        told.put("client", "apicurio").put("version", version()).put("sent", values.size()).put("acked", acked.get());
        ArrayNode list = told.putArray("errors");
        errors.forEach(list::add);
        System.out.println(JSON.writeValueAsString(told));
        System.exit(acked.get() == values.size() && errors.isEmpty() ? 0 : 1);
    }

    private static List<byte[]> encoded(Map<String, String> options, JsonNode job) throws Exception {
        List<Serializer<?>> serializers = new ArrayList<>();
        List<Conversion> conversions = new ArrayList<>();
        for (JsonNode text : job.get("schemas")) {
            Map<String, Object> settings = new HashMap<>();
            settings.put(SerdeConfig.REGISTRY_URL, options.get("apicurio") + "/apis/registry/v2");
            settings.put(SerdeConfig.ENABLE_CONFLUENT_ID_HANDLER, true);
            settings.put(SerdeConfig.USE_ID, "contentId");
            settings.put(SerdeConfig.ENABLE_HEADERS, false);
            Serializer<?> serializer;
            switch (options.get("format")) {
                case "avro":
                    settings.put(SerdeConfig.AUTO_REGISTER_ARTIFACT, true);
                    Schema schema = new Schema.Parser().parse(text.asText());
                    conversions.add((value, version) -> ofAvro(value, schema));
                    serializer = new AvroKafkaSerializer<>();
                    break;
                case "protobuf":
                    settings.put(SerdeConfig.AUTO_REGISTER_ARTIFACT, true);
                    Descriptor trade = FileDescriptorUtils.protoFileToFileDescriptor(text.asText(), "trade.proto", Optional.of("example"))
                        .findMessageTypeByName("Trade");
                    conversions.add((value, version) -> ofProtobuf(value, version, trade));
                    serializer = new ProtobufKafkaSerializer<DynamicMessage>();
                    break;
                default:
                    // It takes a schema that is there, by its version.
                    settings.put(SerdeConfig.EXPLICIT_ARTIFACT_VERSION, String.valueOf(serializers.size() + 1));
                    conversions.add(Send::ofJson);
                    serializer = new JsonSchemaKafkaSerializer<>();
            }
            serializer.configure(settings, false);
            serializers.add(serializer);
        }
        List<byte[]> values = new ArrayList<>();
        for (JsonNode record : job.get("records")) {
            int version = record.get("schema").asInt();
            Object value = conversions.get(version).of(record.get("value"), version);
            values.add(serialized(serializers.get(version), options.get("topic"), value));
        }
        return values;
    }

    @SuppressWarnings("unchecked")
    private static byte[] serialized(Serializer<?> serializer, String topic, Object value) {
        return ((Serializer<Object>) serializer).serialize(topic, value);
    }

    private static Object ofAvro(JsonNode value, Schema schema) {
        GenericData.Record record = new GenericData.Record(schema);
        for (Schema.Field field : schema.getFields()) {
            record.put(field.name(), member(field, value));
        }
        return record;
    }

    private static Object member(Schema.Field field, JsonNode value) {
        JsonNode given = value.path(field.name());
        switch (field.name()) {
            case "at":
                return value.get("at_ms").asLong();
            case "day":
                return (int) LocalDate.parse(given.asText()).toEpochDay();
            case "amount":
                return ByteBuffer.wrap(BigInteger.valueOf(value.get("amount_cents").asLong()).toByteArray());
            case "raw":
                return bytes(given);
            case "side":
                return new GenericData.EnumSymbol(field.schema(), given.asText());
            case "venue":
                GenericData.Record venue = new GenericData.Record(field.schema());
                venue.put("name", given.get("name").asText());
                venue.put("region", given.get("region").textValue());
                return venue;
            case "levels":
                return JSON.convertValue(given, List.class).stream().map(level -> ((Number) level).doubleValue()).toList();
            case "tags":
                return JSON.convertValue(given, Map.class);
            case "qty":
                boolean isInt = field.schema().getTypes().get(1).getType() == Schema.Type.INT;
                return given.isNull() ? null : isInt ? (Object) given.asInt() : (Object) given.asLong();
            case "either":
                return given.isNull() ? null : given.isNumber() ? (Object) given.asLong() : given.asText();
            case "id":
                return given.asLong();
            case "price", "fee":
                return given.isNull() ? null : given.asDouble();
            default:
                return given.textValue();
        }
    }

    private static ByteBuffer bytes(JsonNode base64) {
        try {
            return ByteBuffer.wrap(base64.binaryValue());
        } catch (IOException error) {
            throw new IllegalArgumentException(error);
        }
    }

    private static Object ofJson(JsonNode value, int version) {
        ObjectNode record = value.deepCopy();
        record.put("at", Instant.ofEpochMilli(value.get("at_ms").asLong()).toString());
        record.put("amount", value.get("amount_cents").asLong() / 100.0);
        record.remove(List.of("at_ms", "amount_cents", "either", "trader"));
        if (version >= 3) {
            record.remove("note");
        }
        if (version < 1) {
            record.remove("fee");
        }
        return record;
    }

    private static Object ofProtobuf(JsonNode value, int version, Descriptor trade) {
        ObjectNode record = value.deepCopy();
        record.put("at", Instant.ofEpochMilli(value.get("at_ms").asLong()).toString());
        JsonNode either = value.get("either");
        record.set(either.isNumber() ? "either_long" : "either_string", either);
        record.remove(List.of("at_ms", "amount_cents", "day", "either", version >= 3 ? "note" : "trader"));
        if (version < 1) {
            record.remove("fee");
        }
        DynamicMessage.Builder message = DynamicMessage.newBuilder(trade);
        try {
            JsonFormat.parser().merge(record.toString(), message);
        } catch (IOException error) {
            throw new IllegalArgumentException(error);
        }
        return message.build();
    }

    /** What the jar says of itself. */
    private static String version() throws IOException {
        Properties properties = new Properties();
        String file = "/META-INF/maven/io.apicurio/apicurio-registry-serde-common/pom.properties";
        try (InputStream said = Serializer.class.getResourceAsStream(file)) {
            properties.load(said);
        }
        return properties.getProperty("version");
    }
}
