// Client.java URL FILE: does with SourceLab's kafka-connect-client what its users do, on a worker without connectors.
//
// FILE exists and holds lines. Last line: `N passed, N failed`, one for each step.

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.sourcelab.kafka.connect.apiclient.Configuration;
import org.sourcelab.kafka.connect.apiclient.KafkaConnectClient;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorDefinition;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorPluginConfigDefinition;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorStatus;
import org.sourcelab.kafka.connect.apiclient.request.dto.NewConnectorDefinition;
import org.sourcelab.kafka.connect.apiclient.request.post.PostConnectorRestart;

public class Client {
    private static final String CLASS = "org.apache.kafka.connect.file.FileStreamSourceConnector";
    private final KafkaConnectClient connect;
    private final Map<String, String> config;
    private int passed;
    private int failed;

    Client(String url, String file) {
        connect = new KafkaConnectClient(new Configuration(url));
        config = Map.of("connector.class", CLASS, "tasks.max", "1", "file", file, "topic", "java");
    }

    public static void main(String[] arguments) {
        Client client = new Client(arguments[0], arguments[1]);
        client.steps();
        System.out.println(client.passed + " passed, " + client.failed + " failed");
        System.exit(client.failed == 0 ? 0 : 1);
    }

    /** One step: its answer, or the class of what it throws, must be the expected one. */
    private void step(String name, Object expected, Callable<Object> answer) {
        Object found = answerOf(answer);
        if (Objects.equals(expected, found)) {
            passed++;
        } else {
            failed++;
            System.out.println("FAIL " + name + ": expected " + expected + ", got " + found);
        }
    }

    private static Object answerOf(Callable<Object> answer) {
        try {
            return answer.call();
        } catch (Exception error) {
            return error.getClass().getSimpleName();
        }
    }

    /** The same, for what becomes true within ten seconds. */
    private void becomes(String name, Object expected, Callable<Object> look) {
        long end = System.nanoTime() + 10_000_000_000L;
        while (!Objects.equals(expected, answerOf(look)) && System.nanoTime() < end) {
            Thread.onSpinWait();
        }
        step(name, expected, look);
    }

    private Map<String, String> with(String key, String value) {
        Map<String, String> changed = new TreeMap<>(config);
        changed.put(key, value);
        return changed;
    }

    private static List<String> states(ConnectorStatus status) {
        List<String> states = new ArrayList<>(List.of(status.getConnector().get("state")));
        status.getTasks().forEach(task -> states.add(task.getState()));
        return states;
    }

    private static List<Object> shown(ConnectorDefinition connector) {
        return List.of(connector.getName(), connector.getType(), new TreeMap<>(connector.getConfig()), connector.getTasks().size());
    }

    private void steps() {
        step("a cluster of its own", false, () -> connect.getConnectServerVersion().getKafkaClusterId().isEmpty());
        step("no connectors", List.of(), () -> List.copyOf(connect.getConnectors()));
        NewConnectorDefinition lines = NewConnectorDefinition.newBuilder().withName("lines").withConfig(config).build();
        step("create", List.of("lines", "source", with("name", "lines"), 0), () -> shown(connect.addConnector(lines)));
        step("create it again", "ConcurrentConfigModificationException", () -> connect.addConnector(lines));
        step("list", List.of("lines"), () -> List.copyOf(connect.getConnectors()));
        List<String> running = List.of("RUNNING", "RUNNING");
        becomes("runs", running, () -> states(connect.getConnectorStatus("lines")));
        List<Object> whole = List.of("lines", "source", with("name", "lines"), 1);
        step("read", whole, () -> shown(connect.getConnector("lines")));
        step("expand info", whole, () -> shown(connect.getConnectorsWithExpandedInfo().getDefinitionForConnector("lines")));
        step("expand status", running, () -> states(connect.getConnectorsWithExpandedStatus().getStatusForConnector("lines")));
        step("expand all", List.of(whole, running), () -> {
            var all = connect.getConnectorsWithAllExpandedMetadata();
            return List.of(shown(all.getDefinitionForConnector("lines")), states(all.getStatusForConnector("lines")));
        });
        step("read the configuration", with("name", "lines"), () -> new TreeMap<>(connect.getConnectorConfig("lines")));
        step("pause", true, () -> connect.pauseConnector("lines"));
        becomes("is paused", List.of("PAUSED", "PAUSED"), () -> states(connect.getConnectorStatus("lines")));
        step("resume", true, () -> connect.resumeConnector("lines"));
        becomes("runs again", running, () -> states(connect.getConnectorStatus("lines")));
        step("restart", true, () -> connect.restartConnector("lines"));
        step("restart with its tasks", true, () -> connect.restartConnector(new PostConnectorRestart("lines").withIncludeTasks(true)));
        becomes("runs after it", running, () -> states(connect.getConnectorStatus("lines")));
        step("restart a task", true, () -> connect.restartConnectorTask("lines", 0));
        becomes("the task runs", "RUNNING", () -> connect.getConnectorTaskStatus("lines", 0).getState());
        step("tasks", 1, () -> connect.getConnectorTasks("lines").size());
        becomes("topics", List.of("java"), () -> connect.getConnectorTopics("lines").getTopics());
        step("change", "7", () -> connect.updateConnectorConfig("lines", with("batch.size", "7")).getConfig().get("batch.size"));
        step("the change is there", "7", () -> connect.getConnectorConfig("lines").get("batch.size"));
        step("validate", 0, () -> errors(with("name", "x")));
        step("validate what is wrong", 1, () -> errors(Map.of("connector.class", CLASS, "name", "x")));
        step("plugins", List.of("source"), () -> connect.getConnectorPlugins().stream()
            .filter(plugin -> plugin.getClassName().equals(CLASS)).map(plugin -> plugin.getType()).toList());
        step("forget topics", true, () -> connect.resetConnectorTopics("lines"));
        step("delete", true, () -> connect.deleteConnector("lines"));
        becomes("is gone", "ResourceNotFoundException", () -> connect.getConnector("lines"));
        step("delete it again", "ResourceNotFoundException", () -> connect.deleteConnector("lines"));
        step("no connectors are left", List.of(), () -> List.copyOf(connect.getConnectors()));
    }

    private int errors(Map<String, String> config) {
        return connect.validateConnectorPluginConfig(new ConnectorPluginConfigDefinition("FileStreamSourceConnector", config)).getErrorCount();
    }
}
