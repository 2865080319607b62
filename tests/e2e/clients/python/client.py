"""client.py URL FILE: does with kafka-connect-py what its users do, on a worker that has no connectors.

FILE exists and holds lines. Last line: `N passed, N failed`, one for each step."""
import sys
import time

from kafka_connect import KafkaConnect
from requests.exceptions import HTTPError

url, file = sys.argv[1:]
connect = KafkaConnect(url=url)
CONFIG = {"connector.class": "FileStreamSource", "tasks.max": "1", "file": file, "topic": "python"}
NAMED = {**CONFIG, "name": "lines"}
passed = failed = 0


def step(name, expected, answer):
    """One step: its answer, or the status that it is refused with, must be the expected one."""
    global passed, failed
    try:
        found = answer()
    except HTTPError as error:
        found = error.response.status_code if error.response is not None else str(error)
    if found == expected:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: expected {expected!r}, got {found!r}")


def until(expected, look):
    """What `look` answers once it answers what is expected, or after ten seconds."""
    end = time.monotonic() + 10
    while True:
        try:
            found = look()
        except HTTPError as error:
            found = error.response.status_code
        if found == expected or time.monotonic() > end:
            return found
        time.sleep(0.05)


def states():
    status = connect.get_connector_status("lines")
    return status["connector"]["state"], [task["state"] for task in status["tasks"]]


def steps():
    step("the cluster has a version", ["commit", "kafka_cluster_id", "version"], lambda: sorted(connect.get_cluster_info()))
    step("no connectors", [], connect.list_connectors)
    created = {"name": "lines", "config": NAMED, "tasks": [], "type": "source"}
    step("create", created, lambda: connect.create_connector({"name": "lines", "config": CONFIG}))
    step("create it again", 409, lambda: connect.create_connector({"name": "lines", "config": CONFIG}))
    step("list", ["lines"], connect.list_connectors)
    step("runs", ("RUNNING", ["RUNNING"]), lambda: until(("RUNNING", ["RUNNING"]), states))
    whole = {**created, "tasks": [{"connector": "lines", "task": 0}]}
    step("read", whole, lambda: connect.get_connector("lines"))
    step("expand info", {"lines": {"info": whole}}, lambda: connect.list_connectors(expand="info"))
    step(
        "expand status",
        {"lines": {"status": connect.get_connector_status("lines")}},
        lambda: connect.list_connectors(expand="status", pattern="li.*", state="running"),
    )
    step("read the configuration", NAMED, lambda: connect.get_connector_config("lines"))
    step("pause", None, lambda: connect.pause_connector("lines"))
    step("is paused", ("PAUSED", ["PAUSED"]), lambda: until(("PAUSED", ["PAUSED"]), states))
    step("resume", None, lambda: connect.resume_connector("lines"))
    step("runs again", ("RUNNING", ["RUNNING"]), lambda: until(("RUNNING", ["RUNNING"]), states))
    step("restart", None, lambda: connect.restart_connector("lines"))
    step("restart with its tasks", "RESTARTING",
         lambda: connect.restart_connector("lines", include_tasks=True)["connector"]["state"])
    step("runs after it", ("RUNNING", ["RUNNING"]), lambda: until(("RUNNING", ["RUNNING"]), states))
    step("restart a task", None, lambda: connect.restart_connector_task("lines", 0))
    step("the task runs", "RUNNING",
         lambda: until("RUNNING", lambda: connect.get_connector_task_status("lines", 0)["state"]))
    step("tasks", [{"connector": "lines", "task": 0}], lambda: [task["id"] for task in connect.list_connector_tasks("lines")])
    topics = {"lines": {"topics": ["python"]}}
    step("topics", topics, lambda: until(topics, lambda: connect.list_connector_topics("lines")))
    changed = {**CONFIG, "batch.size": 7}
    stored = {**NAMED, "batch.size": "7"}
    step("change", stored, lambda: connect.update_connector("lines", changed)["config"])
    step("the change is there", stored, lambda: connect.get_connector_config("lines"))
    step("validate", 0, lambda: connect.validate_connector_config("FileStreamSource", stored)["error_count"])
    step("validate what is wrong", [["tasks.max"], ["topic"]], lambda: [
        [setting["value"]["name"]]
        for setting in connect.validate_connector_config(
            "FileStreamSource", {"connector.class": "FileStreamSource", "name": "x", "tasks.max": "none"})["configs"]
        if setting["value"]["errors"]
    ])
    plugin = {"class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "type": "source"}
    step("plugins", [plugin], lambda: [
        {"class": found["class"], "type": found["type"]}
        for found in connect.list_connector_plugins() if found["class"] == plugin["class"]
    ])
    step("stop", None, lambda: connect.stop_connector("lines"))
    step("is stopped", ("STOPPED", []), lambda: until(("STOPPED", []), states))
    step("delete", None, lambda: connect.delete_connector("lines"))
    step("is gone", 404, lambda: until(404, lambda: connect.get_connector("lines")))
    step("delete it again", 404, lambda: connect.delete_connector("lines"))
    step("no connectors are left", [], connect.list_connectors)


steps()
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
