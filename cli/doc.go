// Package cli is the client half of the command line: connectors, plugins and
// offsets through the REST API (any Kafka Connect worker's), topics, groups and
// configurations through the Kafka protocol (any broker's). cmd/leat mounts what [Commands] returns beside the
// server commands.
//
// Every command that shows something takes -o table, json or yaml; json and yaml
// carry the same data. Values of PASSWORD keys are shown as [hidden] unless
// --show-secrets is given. What is asked for goes to standard output, remarks go
// to standard error.
//
// Exit codes ([ExitCode]): 0 done; 1 failed; 2 wrong usage; 3 there is no such
// connector, task, plugin, topic, partition or group; 4 it exists already, is in
// use, or the workers are busy and the same command may succeed shortly; 5 no answer from the REST API or the
// broker; 6 the configuration or request was refused as wrong.
package cli
