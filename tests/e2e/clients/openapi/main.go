// main.go URL FILE: does with a client that oapi-codegen makes of /openapi.json what its users do, on a worker without
// connectors. The client is package connect, made anew for each run.
//
// FILE exists and holds lines. Last line: `N passed, N failed`, one for each step.
package main

import (
	"fmt"
	"os"

	"millrace.test/client/connect"
)

var client *connect.ClientWithResponses

// status of an answer; a refusal without its message is no answer of this API.
func status(answer interface{ StatusCode() int }, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return answer.StatusCode(), nil
}

// states of the connector and its tasks.
func states() (any, error) {
	answer, err := client.GetConnectorStatusWithResponse(background, "lines")
	if err != nil || answer.JSON200 == nil {
		return "no status", err
	}
	return statesOf(*answer.JSON200), nil
}

func statesOf(status connect.Status) []string {
	all := []string{status.Connector.State}
	for _, task := range status.Tasks {
		all = append(all, task.State)
	}
	return all
}

func config(file string, more map[string]any) connect.ConnectorConfig {
	settings := map[string]any{"tasks.max": 1, "file": file, "topic": "go"}
	for name, value := range more {
		settings[name] = value
	}
	return connect.ConnectorConfig{ConnectorClass: "FileStreamSource", AdditionalProperties: settings}
}

func list(expand ...string) (*connect.Connectors, error) {
	parameters := connect.ListConnectorsParams{}
	if len(expand) > 0 {
		parameters.Expand = &expand
	}
	answer, err := client.ListConnectorsWithResponse(background, &parameters)
	if err != nil {
		return nil, err
	}
	return answer.JSON200, nil
}

func names() (any, error) {
	all, err := list()
	if err != nil {
		return nil, err
	}
	return all.AsConnectors0()
}

func steps(file string) {
	lines := "lines"
	running := []string{"RUNNING", "RUNNING"}
	stored := connect.Config{
		"connector.class": "FileStreamSource", "tasks.max": "1", "file": file, "topic": "go", "name": lines,
	}
	step("the worker is healthy", "healthy", func() (any, error) {
		answer, err := client.HealthCheckWithResponse(background)
		return answer.JSON200.Status, err
	})
	step("no connectors", []string{}, names)
	request := connect.CreateConnectorRequest{Name: lines, Config: config(file, nil)}
	step("create", stored, func() (any, error) {
		answer, err := client.CreateConnectorWithResponse(background, request)
		return answer.JSON201.Config, err
	})
	step("create it again", connect.Error{ErrorCode: 409, Message: text("Connector lines already exists")}, func() (any, error) {
		answer, err := client.CreateConnectorWithResponse(background, request)
		return *answer.JSON409, err
	})
	step("list", []string{lines}, names)
	becomes("runs", running, states)
	step("read", 1, func() (any, error) {
		answer, err := client.GetConnectorWithResponse(background, lines)
		return len(answer.JSON200.Tasks), err
	})
	step("expand", []any{stored, running}, func() (any, error) {
		all, err := list("status", "info")
		if err != nil {
			return nil, err
		}
		connectors, err := all.AsConnectors1()
		return []any{connectors[lines].Info.Config, statesOf(*connectors[lines].Status)}, err
	})
	step("pause", 202, func() (any, error) { return status(client.PauseConnectorWithResponse(background, lines)) })
	becomes("is paused", []string{"PAUSED", "PAUSED"}, states)
	step("resume", 202, func() (any, error) { return status(client.ResumeConnectorWithResponse(background, lines)) })
	becomes("runs again", running, states)
	yes := "true"
	step("restart", 204, func() (any, error) {
		return status(client.RestartConnectorWithResponse(background, lines, &connect.RestartConnectorParams{}))
	})
	step("restart with its tasks", "RESTARTING", func() (any, error) {
		answer, err := client.RestartConnectorWithResponse(background, lines, &connect.RestartConnectorParams{IncludeTasks: &yes})
		return answer.JSON202.Connector.State, err
	})
	becomes("runs after it", running, states)
	step("restart a task", 204, func() (any, error) { return status(client.RestartTaskWithResponse(background, lines, "0")) })
	becomes("the task runs", "RUNNING", func() (any, error) {
		answer, err := client.GetTaskStatusWithResponse(background, lines, "0")
		return answer.JSON200.State, err
	})
	becomes("topics", []string{"go"}, func() (any, error) {
		answer, err := client.GetConnectorActiveTopicsWithResponse(background, lines)
		return (*answer.JSON200)[lines].Topics, err
	})
	step("change", "7", func() (any, error) {
		answer, err := client.PutConnectorConfigWithResponse(background, lines, config(file, map[string]any{"batch.size": 7}))
		return answer.JSON200.Config["batch.size"], err
	})
	step("change one setting", "8", func() (any, error) {
		answer, err := client.PatchConnectorConfigWithResponse(background, lines, map[string]any{"batch.size": 8})
		return answer.JSON200.Config["batch.size"], err
	})
	step("validate", 0, func() (any, error) {
		answer, err := client.ValidateConfigsWithResponse(background, "FileStreamSource", config(file, map[string]any{"name": "x"}))
		return answer.JSON200.ErrorCount, err
	})
	step("plugins", []string{"source"}, func() (any, error) {
		answer, err := client.ListConnectorPluginsWithResponse(background, &connect.ListConnectorPluginsParams{})
		found := []string{}
		for _, plugin := range *answer.JSON200 {
			if plugin.Class == "org.apache.kafka.connect.file.FileStreamSourceConnector" {
				found = append(found, plugin.Type)
			}
		}
		return found, err
	})
	step("stop", 204, func() (any, error) { return status(client.StopConnectorWithResponse(background, lines)) })
	becomes("is stopped", []string{"STOPPED"}, states)
	step("begin anew", 200, func() (any, error) { return status(client.ResetConnectorOffsetsWithResponse(background, lines)) })
	step("no offsets", 0, func() (any, error) {
		answer, err := client.GetOffsetsWithResponse(background, lines)
		return len(answer.JSON200.Offsets), err
	})
	step("delete", 204, func() (any, error) { return status(client.DestroyConnectorWithResponse(background, lines)) })
	becomes("is gone", 404, func() (any, error) { return status(client.GetConnectorWithResponse(background, lines)) })
	step("no connectors are left", []string{}, names)
}

func text(words string) *string {
	return &words
}

func main() {
	var err error
	if client, err = connect.NewClientWithResponses(os.Args[1]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	steps(os.Args[2])
	finish()
}
