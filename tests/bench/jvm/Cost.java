import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import io.debezium.transforms.ExtractNewRecordState;
import java.io.File;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.transforms.Cast;
import org.apache.kafka.connect.transforms.InsertField;
import org.apache.kafka.connect.transforms.MaskField;
import org.apache.kafka.connect.transforms.RegexRouter;
import org.apache.kafka.connect.transforms.ReplaceField;
import org.apache.kafka.connect.transforms.Transformation;

/**
 * What one record costs the JVM's own converter and transforms: `java -cp JARS Cost.java FOLDER` reads the payloads of
 * that folder and prints one line per case, the payload, the case and nanoseconds of CPU time of the process, garbage
 * collection included. One record and one schema come again and again, which is the best that the JVM's caches can meet.
 * The fastest round counts, as on our side.
 */
public class Cost {
    static final long WARM_UP_NS = 2_000_000_000L;
    static final long ROUND_NS = 300_000_000L;
    static final int ROUNDS = 7;
    static final OperatingSystemMXBean PROCESS = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    /** Results go here, so that the compiler can't leave their making out. */
    static Object sink;

    public static void main(String[] args) throws Exception {
        for (String payload : List.of("flat8", "mysql_envelope")) {
            JsonNode file = new ObjectMapper().readTree(new File(args[0], payload + ".json"));
            String topic = file.get("topic").asText();
            byte[] plain = file.get("json").asText().getBytes(StandardCharsets.UTF_8);
            byte[] enveloped = file.get("jsonWithSchema").asText().getBytes(StandardCharsets.UTF_8);
            SchemaAndValue data = converter(true).toConnectData(topic, enveloped);
            for (boolean schemas : new boolean[] {false, true}) {
                JsonConverter converter = converter(schemas);
                byte[] text = schemas ? enveloped : plain;
                String with = schemas ? " with schema" : "";
                report(payload, "serialize" + with, () -> converter.fromConnectData(topic, data.schema(), data.value()));
                report(payload, "deserialize" + with, () -> converter.toConnectData(topic, text));
            }
            if (payload.equals("flat8")) {
                Struct row = (Struct) data.value();
                Map<String, Object> map = new HashMap<>();
                for (Field field : row.schema().fields()) {
                    map.put(field.name(), row.get(field));
                }
                report(payload, "five transforms", chain(new SourceRecord(Map.of(), Map.of(), topic, data.schema(), row)));
                report(payload, "five transforms without schema", chain(new SourceRecord(Map.of(), Map.of(), topic, null, map)));
            } else {
                Transformation<SourceRecord> unwrap =
                        configured(new ExtractNewRecordState<>(), Map.of("add.fields", "op,source.ts_ms"));
                SourceRecord record = new SourceRecord(Map.of(), Map.of(), topic, data.schema(), data.value());
                report(payload, "ExtractNewRecordState", () -> unwrap.apply(record));
            }
        }
    }

    static JsonConverter converter(boolean schemas) {
        JsonConverter converter = new JsonConverter();
        converter.configure(Map.of("schemas.enable", String.valueOf(schemas)), false);
        return converter;
    }

    static Supplier<Object> chain(SourceRecord record) {
        List<Transformation<SourceRecord>> steps = List.of(
                configured(new ReplaceField.Value<>(), Map.of("exclude", "note", "renames", "name:full_name")),
                configured(new InsertField.Value<>(), Map.of("static.field", "source", "static.value", "bench")),
                configured(new MaskField.Value<>(), Map.of("fields", "email")),
                configured(new Cast.Value<>(), Map.of("spec", "age:int64,balance:string")),
                configured(new RegexRouter<>(), Map.of("regex", "(.*)", "replacement", "x-$1")));
        return () -> {
            SourceRecord current = record;
            for (Transformation<SourceRecord> step : steps) {
                current = step.apply(current);
            }
            return current;
        };
    }

    static Transformation<SourceRecord> configured(Transformation<SourceRecord> step, Map<String, String> settings) {
        step.configure(settings);
        return step;
    }

    static void report(String payload, String name, Supplier<Object> record) {
        // The clock of the process may step by ten milliseconds, so a round is sized by what the warm-up has shown.
        long begun = PROCESS.getProcessCpuTime();
        long warm = 0;
        while (PROCESS.getProcessCpuTime() - begun < WARM_UP_NS) {
            round(record, 1000);
            warm += 1000;
        }
        int records = (int) (warm * ROUND_NS / WARM_UP_NS);
        long fastest = Long.MAX_VALUE;
        for (int i = 0; i < ROUNDS; i++) {
            fastest = Math.min(fastest, round(record, records));
        }
        System.out.println(payload + "\t" + name + "\t" + fastest / records);
    }

    static long round(Supplier<Object> record, int records) {
        long begun = PROCESS.getProcessCpuTime();
        for (int i = 0; i < records; i++) {
            sink = record.get();
        }
        return PROCESS.getProcessCpuTime() - begun;
    }
}
