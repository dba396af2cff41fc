import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Job BOOTSTRAP TOPIC COUNT PER_SECOND: a mini-cluster whose two tasks write the records of `tests/clients`. */
public final class Job {
    private static final long FIRST_TS = 1_767_225_600_000_000L;

    public static void main(String[] arguments) throws Exception {
        long count = Long.parseLong(arguments[2]);
        double perSecond = Double.parseDouble(arguments[3]);
        DataGeneratorSource<String> source = new DataGeneratorSource<>(
            Job::line, count, RateLimiterStrategy.perSecond(perSecond), Types.STRING);
        KafkaSink<String> sink = KafkaSink.<String>builder()
            .setBootstrapServers(arguments[0])
            .setRecordSerializer(KafkaRecordSerializationSchema.builder()
                .setTopic(arguments[1])
                .setValueSerializationSchema(new SimpleStringSchema())
                .build())
            .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
            .build();
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(2);
        environment.enableCheckpointing(Duration.ofSeconds(1).toMillis());
        environment.fromSource(source, WatermarkStrategy.noWatermarks(), "records").sinkTo(sink);
        environment.execute("records to QuestDB");
    }

    private static String line(long seq) {
        long cents = 100 + seq * 7919 % 1_000_000;
        return String.format(
            "{\"symbol\":\"SYM-%d\",\"side\":\"%s\",\"price\":%d.%02d,\"qty\":%d,\"seq\":%d,\"ts\":%d}",
            seq % 10, seq % 2 == 1 ? "sell" : "buy", cents / 100, cents % 100, 1 + seq % 1000, seq, FIRST_TS + seq);
    }
}
