// main.go URL FILE: does with the two Go clients of Kafka Connect that the registry has what their users do, on a worker
// without connectors. cloudhut's is the one in Redpanda Console, go-kafka's the one of kafka-connect-cli.
//
// FILE exists and holds lines. Last line: `N passed, N failed`, one for each step.
package main

import (
	"errors"
	"net/http"
	"os"
	"time"

	cloudhut "github.com/cloudhut/connect-client"
	gokafka "github.com/go-kafka/connect"
)

// done is an answer without a content.
func done(err error) (any, error) { return "done", err }

func config(file string) map[string]any {
	return map[string]any{"connector.class": "FileStreamSource", "tasks.max": 1, "file": file, "topic": "go"}
}

func stored(file string, more map[string]string) map[string]string {
	all := map[string]string{"name": "lines", "connector.class": "FileStreamSource", "tasks.max": "1", "file": file, "topic": "go"}
	for name, value := range more {
		all[name] = value
	}
	return all
}

func withCloudhut(url, file string) {
	client := cloudhut.NewClient(cloudhut.WithHost(url), cloudhut.WithTimeout(20*time.Second))
	states := func() (any, error) {
		status, err := client.GetConnectorStatus(background, "lines")
		all := []string{status.Connector.State}
		for _, task := range status.Tasks {
			all = append(all, task.State)
		}
		return all, err
	}
	running := []string{"RUNNING", "RUNNING"}
	tasks := []cloudhut.ConnectorTaskID{{Connector: "lines", Task: 0}}
	whole := cloudhut.ConnectorInfo{Name: "lines", Config: stored(file, nil), Tasks: tasks, Type: "source"}
	request := cloudhut.CreateConnectorRequest{Name: "lines", Config: config(file)}

	step("the cluster has a version, a commit and an id", []int{16, 22}, func() (any, error) {
		root, err := client.GetRoot(background)
		return []int{len(root.Commit), len(root.KafkaClusterID)}, err
	})
	step("no connectors", []string{}, func() (any, error) { return client.ListConnectors(background) })
	step("create", whole.Config, func() (any, error) {
		created, err := client.CreateConnector(background, request)
		return created.Config, err
	})
	step("create it again", "Connector lines already exists (409)", func() (any, error) { return client.CreateConnector(background, request) })
	becomes("runs", running, states)
	step("read", whole, func() (any, error) { return client.GetConnector(background, "lines") })
	step("read the configuration", whole.Config, func() (any, error) { return client.GetConnectorConfig(background, "lines") })
	step("list with info and status", []any{whole, "lines", "RUNNING", 1, "source"}, func() (any, error) {
		all, err := client.ListConnectorsExpanded(background)
		status := all["lines"].Status
		return []any{all["lines"].Info, status.Name, status.Connector.State, len(status.Tasks), status.Type}, err
	})
	topics := map[string]cloudhut.ConnectorTopics{"lines": {Topics: []string{"go"}}}
	becomes("topics", topics, func() (any, error) { return client.GetConnectorTopics(background, "lines") })
	step("pause", "done", func() (any, error) { return done(client.PauseConnector(background, "lines")) })
	becomes("is paused", []string{"PAUSED", "PAUSED"}, states)
	step("resume", "done", func() (any, error) { return done(client.ResumeConnector(background, "lines")) })
	becomes("runs again", running, states)
	both := cloudhut.RestartConnectorOptions{IncludeTasks: true}
	step("restart with its tasks", "done", func() (any, error) { return done(client.RestartConnector(background, "lines", both)) })
	becomes("runs after it", running, states)
	step("restart a task", "done", func() (any, error) { return done(client.RestartConnectorTask(background, "lines", 0)) })
	becomes("the task runs", running, states)
	changed := config(file)
	changed["batch.size"] = 7
	step("change", stored(file, map[string]string{"batch.size": "7"}), func() (any, error) {
		info, err := client.PutConnectorConfig(background, "lines", cloudhut.PutConnectorConfigOptions{Config: changed})
		return info.Config, err
	})
	wrong := map[string]any{"name": "x", "connector.class": "FileStreamSource", "tasks.max": "none"}
	step("validate what is wrong", []any{3, []any{"tasks.max", "topic"}}, func() (any, error) {
		options := cloudhut.ValidateConnectorConfigOptions{Config: wrong}
		result, err := client.PutValidateConnectorConfig(background, "FileStreamSource", options)
		var names []any
		for _, setting := range result.Configs {
			if problems, _ := setting.Value["errors"].([]any); len(problems) > 0 {
				names = append(names, setting.Value["name"])
			}
		}
		return []any{result.ErrorCount, names}, err
	})
	step("plugins", "source", func() (any, error) {
		plugins, err := client.GetConnectorPlugins(background)
		for _, plugin := range plugins {
			if plugin.Class == "org.apache.kafka.connect.file.FileStreamSourceConnector" {
				return plugin.Type, err
			}
		}
		return "no such plugin", err
	})
	step("stop", "done", func() (any, error) { return done(client.StopConnector(background, "lines")) })
	becomes("is stopped", []string{"STOPPED"}, states)
	step("forget its topics", "done", func() (any, error) { return done(client.ResetConnectorTopics(background, "lines")) })
	step("delete", "done", func() (any, error) { return done(client.DeleteConnector(background, "lines")) })
	becomes("is gone", "Connector lines not found (404)", func() (any, error) { return client.GetConnector(background, "lines") })
	step("delete it again", "Connector lines not found (404)", func() (any, error) { return done(client.DeleteConnector(background, "lines")) })
}

func withGoKafka(url, file string) {
	client := gokafka.NewClient(url)
	states := func() (any, error) {
		status, _, err := client.GetConnectorStatus("lines")
		if err != nil {
			return nil, err
		}
		all := []string{status.Connector.State}
		for _, task := range status.Tasks {
			all = append(all, task.State)
		}
		return all, nil
	}
	// status of an answer without a content.
	status := func(answer *http.Response, err error) (any, error) {
		if answer == nil {
			return nil, err
		}
		var refusal gokafka.APIError
		if err != nil && !errors.As(err, &refusal) {
			return nil, err
		}
		return answer.StatusCode, nil
	}
	running := []string{"RUNNING", "RUNNING"}
	settings := gokafka.ConnectorConfig{"connector.class": "FileStreamSource", "tasks.max": "1", "file": file, "topic": "go"}
	connector := gokafka.Connector{Name: "lines", Config: settings}

	step("go-kafka: no connectors", []string{}, func() (any, error) {
		names, _, err := client.ListConnectors()
		return names, err
	})
	step("go-kafka: create", http.StatusCreated, func() (any, error) { return status(client.CreateConnector(&connector)) })
	step("go-kafka: what was created", gokafka.ConnectorConfig(stored(file, nil)), func() (any, error) { return connector.Config, nil })
	again := gokafka.Connector{Name: "lines", Config: settings}
	step("go-kafka: create it again", http.StatusConflict, func() (any, error) { return status(client.CreateConnector(&again)) })
	becomes("go-kafka: runs", running, states)
	step("go-kafka: read", gokafka.TaskID{ConnectorName: "lines", ID: 0}, func() (any, error) {
		found, _, err := client.GetConnector("lines")
		if err != nil || len(found.Tasks) != 1 {
			return found, err
		}
		return found.Tasks[0], nil
	})
	step("go-kafka: the task's configuration", "org.apache.kafka.connect.file.FileStreamSourceTask", func() (any, error) {
		tasks, _, err := client.GetConnectorTasks("lines")
		if err != nil || len(tasks) != 1 {
			return tasks, err
		}
		return tasks[0].Config["task.class"], nil
	})
	step("go-kafka: pause", http.StatusAccepted, func() (any, error) { return status(client.PauseConnector("lines")) })
	becomes("go-kafka: is paused", []string{"PAUSED", "PAUSED"}, states)
	step("go-kafka: resume", http.StatusAccepted, func() (any, error) { return status(client.ResumeConnector("lines")) })
	becomes("go-kafka: runs again", running, states)
	changed := gokafka.ConnectorConfig(stored(file, map[string]string{"batch.size": "7"}))
	step("go-kafka: change", changed, func() (any, error) {
		found, _, err := client.UpdateConnectorConfig("lines", changed)
		if err != nil {
			return nil, err
		}
		return found.Config, nil
	})
	becomes("go-kafka: runs when changed", running, states)
	step("go-kafka: restart", http.StatusNoContent, func() (any, error) { return status(client.RestartConnector("lines")) })
	becomes("go-kafka: runs after it", running, states)
	step("go-kafka: delete", http.StatusNoContent, func() (any, error) { return status(client.DeleteConnector("lines")) })
	becomes("go-kafka: is gone", "Connector lines not found (HTTP 404)", func() (any, error) {
		_, _, err := client.GetConnector("lines")
		return nil, err
	})
}

func main() {
	withCloudhut(os.Args[1], os.Args[2])
	withGoKafka(os.Args[1], os.Args[2])
	finish()
}
