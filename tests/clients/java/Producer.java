import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Sends every line of a file as one record with Kafka's Java client, whichever version is on the class path, and
 * prints as one line of JSON what became of them. The arguments are those that `tests/clients/run` gives every client.
 */
public final class Producer {
    private static final byte[] NOTHING = {};

    private final String version = version();
    private final AtomicLong acked = new AtomicLong();
    private final Set<String> errors = new ConcurrentSkipListSet<>();
    private long sent;

    public static void main(String[] arguments) throws Exception {
        Map<String, String> options = options(arguments);
        Producer producer = new Producer();
        try (Stream<String> lines = Files.lines(Path.of(options.get("file")))) {
            producer.send(options, lines);
        } catch (RuntimeException error) {
            producer.errors.add(error.toString());
        }
        System.out.println(producer.report());
        System.exit(producer.acked.get() == producer.sent && producer.errors.isEmpty() ? 0 : 1);
    }

    private void send(Map<String, String> options, Stream<String> lines) {
        boolean keys = options.containsKey("keys");
        boolean headers = options.containsKey("headers");
        String topic = options.get("topic");
        // docs:begin
        Properties settings = new Properties();
        settings.put("bootstrap.servers", options.get("brokers"));
        settings.put("acks", options.get("acks"));
        settings.put("enable.idempotence", options.get("idempotence"));
        settings.put("compression.type", options.get("codec"));
        StringSerializer text = new StringSerializer();
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings, text, text)) {
            lines.forEach(line -> producer.send(record(topic, line, keys, headers), (metadata, error) -> acknowledge(error)));
        } // close() waits until every record is acknowledged
        // docs:end
    }

    private ProducerRecord<String, String> record(String topic, String line, boolean keyed, boolean headers) {
        sent++;
        int cut = keyed ? line.indexOf('|') : -1;
        String key = cut < 0 ? null : line.substring(0, cut);
        ProducerRecord<String, String> record = new ProducerRecord<>(topic, key, line.substring(cut + 1));
        if (headers) {
            record.headers().add("source", ("kafka-clients-" + version).getBytes(StandardCharsets.UTF_8));
            record.headers().add("trace", "1".getBytes(StandardCharsets.UTF_8));
            record.headers().add("empty", NOTHING);
        }
        return record;
    }

    private void acknowledge(Exception error) {
        if (error == null) {
            acked.incrementAndGet();
        } else {
            errors.add(error.toString());
        }
    }

    private String report() {
        StringBuilder quoted = new StringBuilder();
        for (String error : errors) {
            String escaped = error.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\p{Cntrl}", " ");
            quoted.append(quoted.length() == 0 ? "\"" : ", \"").append(escaped).append('"');
        }
        return String.format(
            "{\"client\": \"kafka-clients\", \"version\": \"%s\", \"sent\": %d, \"acked\": %d, \"errors\": [%s]}",
            version, sent, acked.get(), quoted);
    }

    /** What the library's jar says of itself: the class that tells it is elsewhere in each major version. */
    private static String version() {
        Properties properties = new Properties();
        try (InputStream said = KafkaProducer.class.getResourceAsStream("/kafka/kafka-version.properties")) {
            properties.load(said);
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
        return properties.getProperty("version");
    }

    /** `--name value`, except for the two that have no value. */
    private static Map<String, String> options(String[] arguments) {
        Map<String, String> options = new HashMap<>();
        for (int at = 0; at < arguments.length; at++) {
            String name = arguments[at].substring(2);
            boolean flag = name.equals("keys") || name.equals("headers");
            options.put(name, flag ? "" : arguments[++at]);
        }
        return options;
    }
}
