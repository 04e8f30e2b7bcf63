package model

import (
	"fmt"
	"strconv"
	"strings"
)

// TaskID names one task of a connector (ConnectorTaskId). Its JSON form is the
// REST API's.
type TaskID struct {
	Connector string `json:"connector"`
	Task      int    `json:"task"`
}

func (id TaskID) String() string { return id.Connector + "-" + strconv.Itoa(id.Task) }

// ParseTaskID is the inverse of String: the task number follows the last dash.
func ParseTaskID(s string) (TaskID, error) {
	i := strings.LastIndexByte(s, '-')
	if i < 0 {
		return TaskID{}, fmt.Errorf("task id %q has no dash", s)
	}
	n, err := strconv.Atoi(s[i+1:])
	if err != nil || n < 0 {
		return TaskID{}, fmt.Errorf("task id %q does not end with a task number", s)
	}
	return TaskID{Connector: s[:i], Task: n}, nil
}

// State is the status of a connector or task (AbstractStatus.State). Tasks are
// never STOPPED.
type State string

// The states, spelt as status records and the REST API spell them.
const (
	Unassigned State = "UNASSIGNED"
	Running    State = "RUNNING"
	Paused     State = "PAUSED"
	Failed     State = "FAILED"
	Restarting State = "RESTARTING"
	Stopped    State = "STOPPED"
	Destroyed  State = "DESTROYED"
)

// TargetState is what a user asked for (org.apache.kafka.connect.runtime.TargetState).
type TargetState string

// The target states.
const (
	TargetStarted TargetState = "STARTED"
	TargetPaused  TargetState = "PAUSED"
	TargetStopped TargetState = "STOPPED"
)

// ConnectorType is "source", "sink" or "unknown".
type ConnectorType string

// The connector types.
const (
	SourceType  ConnectorType = "source"
	SinkType    ConnectorType = "sink"
	UnknownType ConnectorType = "unknown"
)

// ConnectorInfo is the answer to GET /connectors/{name}.
type ConnectorInfo struct {
	Name   string        `json:"name"`
	Config Config        `json:"config"`
	Tasks  []TaskID      `json:"tasks"` // ascending, never nil
	Type   ConnectorType `json:"type"`
}

// ConnectorStatus is the answer to GET /connectors/{name}/status.
type ConnectorStatus struct {
	Name      string         `json:"name"`
	Connector ConnectorState `json:"connector"`
	Tasks     []TaskStatus   `json:"tasks"` // ascending by id, never nil
	Type      ConnectorType  `json:"type"`
}

// ConnectorState is the state of a connector instance.
type ConnectorState struct {
	State    State  `json:"state"`
	WorkerID string `json:"worker_id"`
	Trace    string `json:"trace,omitempty"`   // stack trace text, "" if none
	Version  string `json:"version,omitempty"` // of the plugin, "" if unknown
}

// TaskStatus is the state of one task.
type TaskStatus struct {
	ID       int    `json:"id"`
	State    State  `json:"state"`
	WorkerID string `json:"worker_id"`
	Trace    string `json:"trace,omitempty"`
	Version  string `json:"version,omitempty"`
}

// TaskInfo is one element of GET /connectors/{name}/tasks.
type TaskInfo struct {
	ID     TaskID            `json:"id"`
	Config map[string]string `json:"config"` // raw, references not resolved
}

// RestartRequest asks for a restart (KIP-745).
type RestartRequest struct {
	Connector    string
	IncludeTasks bool
	OnlyFailed   bool
}

// ConnectorOffset is one element of GET /connectors/{name}/offsets. A nil Offset
// of an alter request deletes.
type ConnectorOffset struct {
	Partition map[string]any `json:"partition"`
	Offset    map[string]any `json:"offset"`
}

// ConnectorOffsets is the answer to GET and the body of PATCH
// /connectors/{name}/offsets.
type ConnectorOffsets struct {
	Offsets []ConnectorOffset `json:"offsets"` // never nil in an answer
}
